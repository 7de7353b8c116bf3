"""
Outputs that stay: moved to where inputs lie, so that a job that reads one finds it there.

By renames alone, in two steps: into a folder that is still the job's, which nobody clears away as long as the job is
known, and that folder, whole, to its place. Killed at any point and asked again it goes on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypedDict

from ..base.files import make_folder, sync
from ..base.locks import alone
from ..errors import AgentError
from ..jobs.outputs import sha256_of
from ..jobs.spec import at_home
from .inputs import in_use_lock, is_whole, put

_OWNERS = ".kept"
"""Beside what is kept: an empty file named after each of those for whom it is."""


class Keep(TypedDict):
    """`path` is where the job of that folder has left it, `final` the input that it becomes, `owner` whose it is."""

    job: str
    path: str
    final: str
    files: list[Any]
    owner: str


def keep(request: Keep) -> dict[str, Any]:
    """
    Moves an output that was hashed when its job ended, and says where it is.

    Throws `job/output-gone` when it is neither where the job left it nor there.
    """
    made, final = Path(request["path"]), at_home(request["final"])
    outer = at_home(request["job"]) / "kept" / final.name
    inner = outer / made.name
    files = [{**file, "path": f"{made.name}/{file['path']}"} for file in request["files"]]
    if made.exists():
        make_folder(outer)
        made.rename(inner)
    make_folder(final.parent)
    if inner.exists():
        for root, _, _ in os.walk(inner):
            sync(Path(root))
        _mark(outer, request["owner"])
        os.utime(outer)
        # What somebody made again because the bytes of the one before were others is not to give way to those.
        put(outer, final, lambda: is_whole(final, files) and _has_digests(final, files))
    with alone(in_use_lock(final.parent)):
        if not is_whole(final, files):
            raise AgentError("job/output-gone", f"{made} is not there any more", "Run the same command again.")
        _mark(final, request["owner"])
        os.utime(final)
    return {"type": "kept", "path": str(final / made.name)}


def owners_of(folder: Path) -> set[str]:
    """For whom an input is kept that a job has made here; nobody, if it was brought."""
    return {path.name for path in (folder / _OWNERS).glob("*")}


def _mark(folder: Path, owner: str) -> None:
    make_folder(folder / _OWNERS)
    mark = folder / _OWNERS / owner
    mark.touch(mode=0o600)
    sync(mark.parent)


def _has_digests(folder: Path, files: list[Any]) -> bool:
    return all(sha256_of(folder / file["path"]) == file["sha256"] for file in files)
