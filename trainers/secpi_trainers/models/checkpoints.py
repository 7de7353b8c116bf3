"""Checkpoints that are known to be whole.

The Trainer writes a checkpoint file by file and takes the highest number as the newest, so a crash while saving
leaves one that fails to load, or loads without its optimiser and ends somewhere else without a word. Here a checkpoint
counts only with its own mark, written last, which lists every file with size and digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import TrainerError
from ..base.files import digest_of, remove, sync_tree, write_json

MARK = "complete.json"
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A folder `checkpoint-<step>`."""

    folder: Path
    step: int


def seal(folder: Path, identity: str, processes: int = 1) -> None:
    """Makes the folder durable and writes its mark. `identity` is a digest of the job that it belongs to."""
    (folder / MARK).unlink(missing_ok=True)
    sync_tree(folder)
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "digest": digest_of(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / MARK, {"schema": 2, "identity": identity, "processes": processes, "files": files})


def require_processes(root: Path, processes: int) -> None:
    """Throws `trainer/other-ranks` if what is there was made by another number of processes: it is not thrown away."""
    for checkpoint in checkpoints(root):
        try:
            made_by = json.loads((checkpoint.folder / MARK).read_bytes()).get("processes", 1)
        except (OSError, ValueError, AttributeError):
            continue
        if made_by != processes:
            raise TrainerError(
                "other-ranks",
                f"the checkpoint of step {checkpoint.step} was made by {made_by} processes, and there are {processes}",
                f"run it with {made_by} again, or begin anew without {root}",
            )


def checkpoints(root: Path) -> list[Checkpoint]:
    """Every checkpoint folder, marked or not, the newest first."""
    found = [(path, _NAME.fullmatch(path.name)) for path in root.iterdir()] if root.is_dir() else []
    listed = [Checkpoint(path, int(match[1])) for path, match in found if match and path.is_dir()]
    return sorted(listed, key=lambda checkpoint: -checkpoint.step)


def flaw(folder: Path, identity: str) -> str | None:
    """Why a checkpoint cannot be continued from, or None."""
    try:
        mark = json.loads((folder / MARK).read_bytes())
        if mark["identity"] != identity:
            return "it belongs to another job"
        for name, expected in mark["files"].items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != expected["size"]:
                return f"{name} is missing or cut"
        for name, expected in mark["files"].items():
            if digest_of(folder / name) != expected["digest"]:
                return f"{name} has changed"
    except FileNotFoundError:
        return "it was never finished"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "its mark cannot be read"
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
