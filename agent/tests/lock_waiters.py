"""Who waits for a lock, so that a test need not guess when."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path


def await_waiter(lock: Path, otherwise: Callable[[], bool]) -> None:
    """Until somebody waits for that lock, or something is true that would not be if they did."""
    pattern = re.compile(rf"-> FLOCK .*:{lock.stat().st_ino} ")
    while not pattern.search(Path("/proc/locks").read_text()) and not otherwise():
        time.sleep(0.01)
