"""Telling what an attempt prints and reports, from any byte on, until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .folder import Attempt
from .state import Watch, state_of

_FIRST_SECONDS = 0.05
_MOST_SECONDS = 1.0
_QUIET_SECONDS = 15.0
_CHUNK = 1 << 16


class Tail:
    """The whole lines of a file that grows, from a byte on."""

    def __init__(self, stream: str, path: Path, offset: int) -> None:
        self._stream = stream
        self._path = path
        self._offset = offset

    def tell(self, say: Callable[[dict[str, Any]], None], *, to_the_end: bool) -> bool:
        """
        Says all whole lines that are there, and how far that is; at the end of an attempt also one that was cut off.

        Opened anew each time: a network file system would go on showing what was there when it was opened.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        told = False
        with file:
            file.seek(self._offset)
            pending = b""
            while chunk := file.read(_CHUNK):
                pending += chunk
                cut = pending.rfind(b"\n") + 1
                # A line without an end is told in parts rather than kept in memory.
                if cut == 0 and len(pending) >= _CHUNK:
                    cut = len(pending)
                if cut > 0:
                    self._say(say, pending[:cut])
                    pending = pending[cut:]
                    told = True
            if pending and to_the_end:
                self._say(say, pending)
                told = True
        return told

    def _say(self, say: Callable[[dict[str, Any]], None], data: bytes) -> None:
        self._offset += len(data)
        say({"type": self._stream, "offset": self._offset, "text": data.decode("utf-8", "replace")})


def follow(attempt: Attempt, offsets: dict[str, int], say: Callable[[dict[str, Any]], None]) -> None:
    """
    Says `log`, `events` and `state` until the attempt has exited or is lost. `offsets` are the bytes told already.

    Says something at least every 15 seconds, so that the other end can tell silence from a connection that is gone.
    """
    tails = [
        Tail("events", attempt.events, offsets.get("events", 0)),
        Tail("log", attempt.log, offsets.get("log", 0)),
    ]
    pause = _FIRST_SECONDS
    said = time.monotonic()
    last = ""
    watch = Watch(attempt)
    while True:
        # Before the files: what was written until it was over is there once it is seen to be over.
        state = watch.look()
        over = state in ("exited", "lost")
        told = [tail.tell(say, to_the_end=over) for tail in tails]
        if state != last or over or time.monotonic() - said > _QUIET_SECONDS:
            say(state_of(attempt, state))
            last = state
            said = time.monotonic()
        if over:
            return
        pause = _FIRST_SECONDS if any(told) else min(_MOST_SECONDS, pause * 1.5)
        time.sleep(pause)
