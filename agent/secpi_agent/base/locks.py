"""What only one of those that meet in a folder may do at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(path: Path, *, required: bool = True) -> Iterator[None]:
    """
    Waits for the lock of that name, and holds it. It goes with whoever holds it.

    There are file systems without locks: an error, or if it is not `required`, nothing is held.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            if required:
                raise
        yield
    finally:
        os.close(handle)


def try_lock(path: Path, *, make: bool = True) -> int | None:
    """
    The lock of that name, to be closed by whoever wants to let it go; None when somebody else has it.

    Throws `FileNotFoundError` where there is none and it is not to be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
