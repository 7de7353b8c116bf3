"""Checkpoints that are known to be whole.

The Trainer writes a checkpoint file by file and takes the highest number as the newest, so a crash while saving
leaves one that fails to load, or loads without its optimiser and ends somewhere else without a word. Here a checkpoint
counts only with its own mark, written last, which lists every file with size and digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.files import digest_of, remove, sync_tree, write_json

MARK = "complete.json"
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A folder `checkpoint-<step>`."""

    folder: Path
    step: int


def seal(folder: Path, identity: str, made: Mapping[str, Any] | None = None) -> None:
    """Makes the folder durable and writes its mark. `identity` is a digest of the job that it belongs to, `made` what
    else decides the bytes of one that goes on from it.
    """
    (folder / MARK).unlink(missing_ok=True)
    sync_tree(folder)
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "digest": digest_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / MARK, {"schema": 3, "identity": identity, "made": dict(made or {}), "files": files})


def newest_marked(root: Path, identity: str) -> tuple[Checkpoint, dict[str, Any]] | None:
    """The newest checkpoint of a job all of whose files are there as long as they were, and what is said of how it was
    made. Digests are not looked at: that takes minutes for a large one.
    """
    for checkpoint in checkpoints(root):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            mark = _read(checkpoint.folder)
            if mark["identity"] == identity and _cut(checkpoint.folder, mark) is None:
                return checkpoint, dict(mark["made"])
    return None


def checkpoints(root: Path) -> list[Checkpoint]:
    """Every checkpoint folder, marked or not, the newest first."""
    found = [(path, _NAME.fullmatch(path.name)) for path in root.iterdir()] if root.is_dir() else []
    listed = [Checkpoint(path, int(match[1])) for path, match in found if match and path.is_dir()]
    return sorted(listed, key=lambda checkpoint: -checkpoint.step)


def flaw(folder: Path, identity: str) -> str | None:
    """Why a checkpoint cannot be continued from, or None."""
    try:
        mark = _read(folder)
        if mark["identity"] != identity:
            return "it belongs to another job"
        cut = _cut(folder, mark)
        if cut is not None:
            return f"{cut} is missing or cut"
        for name, expected in mark["files"].items():
            if digest_of(folder / name) != expected["digest"]:
                return f"{name} has changed"
    except FileNotFoundError:
        return "it was never finished"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "its mark cannot be read"
    return None


def _read(folder: Path) -> Any:  # noqa: ANN401 - whatever is in a mark
    return json.loads((folder / MARK).read_bytes())


def _cut(folder: Path, mark: Any) -> str | None:  # noqa: ANN401
    """A file of those that a mark lists which is not there, or not as long as it was."""
    for name, expected in mark["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != expected["size"]:
            return str(name)
    return None


def newest_valid(root: Path, identity: str) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that holds, and a sentence about each newer one, which is removed.

    What is left of older ones whose removal was cut short goes as well.
    """
    problems: list[str] = []
    newest: Checkpoint | None = None
    for checkpoint in checkpoints(root):
        if newest is not None:
            if not (checkpoint.folder / MARK).is_file():
                discard(checkpoint)
            continue
        problem = flaw(checkpoint.folder, identity)
        if problem is None:
            newest = checkpoint
            continue
        problems.append(f"{checkpoint.folder.name} is set aside: {problem}")
        discard(checkpoint)
    return newest, problems


def prune(root: Path, keep: int, needed: Set[int] = frozenset()) -> None:
    """Removes all but the `keep` newest marked checkpoints and those of the steps that are `needed`.

    What is left of some whose removal was cut short goes as well.
    """
    found = checkpoints(root)
    marked = [item for item in found if (item.folder / MARK).is_file()]
    kept = [*marked[:keep], *(checkpoint for checkpoint in marked if checkpoint.step in needed)]
    for checkpoint in found:
        if checkpoint not in kept:
            discard(checkpoint)


def discard(checkpoint: Checkpoint) -> None:
    """Removes a checkpoint, its mark first, so that half of one never counts."""
    (checkpoint.folder / MARK).unlink(missing_ok=True)
    remove(checkpoint.folder)
