"""Inputs that were brought here: each lies under the digest of its content, whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, TypedDict

from .errors import AgentError
from .files import make_folder, sync
from .outputs import files_of, sha256_of
from .spec import at_home


class Wanted(TypedDict):
    """What is to lie at `final`: the files that were brought to `partial`, by relative path."""

    partial: str
    final: str
    files: list[Any]


def find(path: Path) -> dict[str, Any]:
    """Whether that input is here, and how much room there is for it in the folder that it goes to, which is made."""
    make_folder(path.parent)
    room = os.statvfs(path.parent)
    return {
        "type": "found",
        "here": path.exists(),
        "folder": str(path.parent),
        "free_bytes": room.f_bavail * room.f_frsize,
    }


def take(wanted: Wanted) -> None:
    """
    Checks what was brought, file by file, and gives it its name. Throws `job/bad-transfer` if a byte is other.

    A stream that is cut off at the right place unpacks without a complaint, so nothing is believed that was not hashed.
    """
    partial, final = at_home(wanted["partial"]), at_home(wanted["final"])
    if final.exists():
        shutil.rmtree(partial, ignore_errors=True)
        return
    expected = {file["path"]: file["sha256"] for file in wanted["files"]}
    found = [path for path in files_of(partial) if path != partial]
    for path in found:
        name = path.relative_to(partial).as_posix()
        if path.is_symlink() or expected.get(name) != sha256_of(path):
            raise AgentError("job/bad-transfer", f"{name} did not arrive as it was sent", "Run the same command again.")
        sync(path)
    if len(found) != len(expected):
        message = f"{len(found)} of {len(expected)} files arrived"
        raise AgentError("job/bad-transfer", message, "Run the same command again.")
    make_folder(final.parent)
    try:
        partial.rename(final)
    except OSError:
        # Somebody else has brought the same.
        if not final.exists():
            raise
    sync(final.parent)
