"""Processes of our own that do one thing."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import Any

from driving.engine import attempt, die_with_parent


class Worker:
    """A function that runs in a process of its own."""

    def __init__(self, act: Any) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._reader)
                die_with_parent()
                with os.fdopen(writer, "wb") as out:
                    out.write(json.dumps(act()).encode())
            finally:
                os._exit(0)
        os.close(writer)

    def said(self, seconds: float | None = None) -> Any:
        """What it said; `None` when that is nothing in time, or ever. The process is gone then."""
        end = None if seconds is None else time.monotonic() + seconds
        text = b""
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            chunk = os.read(self._reader, 65536) if select.select([self._reader], [], [], left)[0] else None
            if not chunk:
                break
            text += chunk
        os.close(self._reader)
        attempt(lambda: os.kill(self._pid, signal.SIGKILL))
        os.waitpid(self._pid, 0)
        return json.loads(text) if chunk == b"" and text else None


def forked(act: Any, seconds: float) -> Any:
    """What a function says that may take so long."""
    return Worker(act).said(seconds)
