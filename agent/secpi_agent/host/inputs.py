"""Inputs that were brought here: each lies under the digest of its content, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from ..base.files import make_folder, set_aside, sync
from ..base.locks import alone
from ..errors import AgentError
from ..jobs.outputs import files_of, sha256_of
from ..jobs.spec import at_home


class Wanted(TypedDict):
    """What is to lie at `final`: the files that were brought to `partial`, by relative path."""

    partial: str
    final: str
    files: list[Any]


def find(path: Path, files: list[Any]) -> dict[str, Any]:
    """
    Whether that input is here, and how much room there is for it in the folder that it goes to, which is made.

    It is here if all of its files are, with their sizes: disks for scratch lose what nobody has read for long.

    One that is here counts as used from now on: whoever clears up leaves it.
    """
    make_folder(path.parent)
    room = os.statvfs(path.parent)
    with alone(in_use_lock(path.parent)):
        here = is_whole(path, files)
        if here:
            os.utime(path)
    return {
        "type": "found",
        "here": here,
        "folder": str(path.parent),
        "free_bytes": room.f_bavail * room.f_frsize,
        "rsync": shutil.which("rsync") is not None,
    }


def is_whole(path: Path, files: list[Any]) -> bool:
    """Whether all files of an input have their places and sizes."""
    return path.exists() and all(_has_size(path / file["path"], file["bytes"]) for file in files)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def in_use_lock(inputs: Path) -> Path:
    """Held by whoever says that an input is here, and by whoever takes one away."""
    return inputs / ".in-use.lock"


def take(wanted: Wanted) -> None:
    """
    Checks what was brought, file by file, and gives it its name. Throws `job/bad-transfer` if a byte is other.

    A stream that is cut off at the right place unpacks without a complaint, so nothing is believed that was not hashed.
    A file that is other is removed, so that it is sent again.
    """
    partial, final = at_home(wanted["partial"]), at_home(wanted["final"])
    if is_whole(final, wanted["files"]):
        shutil.rmtree(partial, ignore_errors=True)
        return
    expected = {file["path"]: file["sha256"] for file in wanted["files"]}
    found = [path for path in files_of(partial) if path != partial]
    for path in found:
        name = path.relative_to(partial).as_posix()
        if path.is_symlink() or expected.get(name) != sha256_of(path):
            path.unlink()
            raise AgentError("job/bad-transfer", f"{name} did not arrive as it was sent", "Run the same command again.")
        sync(path)
    if len(found) != len(expected):
        message = f"{len(found)} of {len(expected)} files arrived"
        raise AgentError("job/bad-transfer", message, "Run the same command again.")
    make_folder(final.parent)
    # When it was last used; what brought it may have given it the times that it had elsewhere.
    os.utime(partial)
    put(partial, final, lambda: is_whole(final, wanted["files"]))


def put(folder: Path, final: Path, is_good: Callable[[], bool]) -> None:
    """Gives an input its name, durably. What has that name stays if it is good: others may be reading it."""
    bad = None
    with alone(in_use_lock(final.parent)):
        if final.exists() and not is_good():
            bad = set_aside(final)
        if not final.exists():
            folder.rename(final)
        sync(final.parent)
    if bad is not None:
        shutil.rmtree(bad, ignore_errors=True)
