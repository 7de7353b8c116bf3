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
LONGEST_EVENT = 1 << 20
"""A reported line of up to so many bytes arrives whole; a longer one makes no sense, and is passed over with a word."""


class Tail:
    """The whole lines of a file that grows, from a byte on. It holds at most one line, and that one is bounded."""

    def __init__(self, stream: str, path: Path, offset: int) -> None:
        self._stream = stream
        self._path = path
        self._offset = offset
        # What is printed is text, and half of a line is better than none. What is reported is a document a line.
        self._tells_parts = stream == "log"
        self._most = _CHUNK if self._tells_parts else LONGEST_EVENT
        # Bytes behind the offset that belong to a line which is too long, and whose end has not been seen yet.
        self._passed = 0

    def tell(self, say: Callable[[dict[str, Any]], None], *, to_the_end: bool) -> bool:
        """
        Says all whole lines that are there, and how far that is; at the end of an attempt also one that was cut off.

        Opened anew each time: a network file system would go on showing what was there when it was opened.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        before = self._offset
        with file:
            file.seek(self._offset + self._passed)
            pending = b""
            while chunk := file.read(_CHUNK):
                pending = self._take(say, pending + chunk)
            if to_the_end and self._passed > 0:
                self._drop(say, self._passed)
            elif to_the_end and pending:
                self._say(say, pending)
        return self._offset > before

    def _take(self, say: Callable[[dict[str, Any]], None], pending: bytes) -> bytes:
        """Says what can be said of this; what is left is the beginning of a line."""
        if self._passed > 0:
            end = pending.find(b"\n") + 1
            if end == 0:
                self._passed += len(pending)
                return b""
            self._drop(say, self._passed + end)
            pending = pending[end:]
        cut = pending.rfind(b"\n") + 1
        if cut == 0 and len(pending) > self._most:
            if not self._tells_parts:
                self._passed = len(pending)
                return b""
            cut = len(pending)
        if cut > 0:
            self._say(say, pending[:cut])
        return pending[cut:]

    def _say(self, say: Callable[[dict[str, Any]], None], data: bytes) -> None:
        self._offset += len(data)
        say({"type": self._stream, "offset": self._offset, "text": data.decode("utf-8", "replace")})

    def _drop(self, say: Callable[[dict[str, Any]], None], count: int) -> None:
        self._offset += count
        self._passed = 0
        say({"type": self._stream, "offset": self._offset, "text": "", "dropped_bytes": count})


def follow(attempt: Attempt, offsets: dict[str, int], say: Callable[[dict[str, Any]], None]) -> None:
    """
    Says `log`, `events` and `state` until the attempt has exited or is lost. `offsets` are the bytes told already.

    Says something at least every 15 seconds, unless a queue keeps it waiting, so that the other end can tell silence
    from a connection that is gone.
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
