"""Room on disks: looked for before work begins, and recognised as the reason when something could not be written."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from .errors import TrainerError

SPARE_BYTES = 64 << 10
"""Kept in reserve, so that the result of a command can be written when the disk is full."""
LEFT_BYTES = 1 << 20
"""With less than this left, whatever could not be written could not for that reason."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID_IN_RUST = re.compile(rf"os error ({'|'.join(map(str, _FULL))})\b")


def require_room(folder: Path, needed: int, what: str) -> None:
    """Throws `trainer/disk-full` if fewer than `needed` bytes are free where the folder is, or will be."""
    folder = nearest(folder)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainerError(
            "disk-full",
            f"{what} take about {_amount(needed)} in {folder}, and {_amount(free)} are free",
            "free some space, or move the folder, then run the same job again",
        )


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def is_full(error: BaseException, folders: list[Path]) -> bool:
    """Whether an error came of a full disk. Writers in C++ and Rust say so in words of their own, or not at all."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        if _SAID_IN_RUST.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return any(shutil.disk_usage(nearest(folder)).free < LEFT_BYTES for folder in folders)


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
