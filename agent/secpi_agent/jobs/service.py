"""Jobs that serve until somebody ends them, or nobody wants them any more."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from ..base.network import free_port, own_address
from .folder import Attempt


def free_address(bind: str) -> dict[str, Any]:
    """
    Where a service that binds to `bind` is reached: a port that is free now.

    Somebody may take it before the service does, which then ends, and is begun again elsewhere.
    """
    return {"host": own_address() if bind == "0.0.0.0" else bind, "port": free_port(bind)}  # noqa: S104


class Lease:
    """Whether anybody still wants a service: from the last change of a file that was seen, by no clock but ours."""

    def __init__(self, path: Path, seconds: float | None) -> None:
        self._path = path
        self._seconds = seconds
        self._changed = self._look()
        self._since = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Nobody has renewed it for too long."""
        if self._seconds is None:
            return False
        changed = self._look()
        if changed != self._changed:
            self._changed = changed
            self._since = time.monotonic()
        return time.monotonic() - self._since > self._seconds

    def _look(self) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_mtime_ns
        return None


def renew(attempt: Attempt) -> None:
    """Somebody still wants this service."""
    with contextlib.suppress(FileNotFoundError):
        attempt.lease.touch(mode=0o600)
