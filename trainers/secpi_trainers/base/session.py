"""One command's run: lock, lifeline, signals, events and the result file."""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from .disk import SPARE_BYTES
from .errors import StoppedError, TrainerError
from .files import write_json
from .rank import Rank
from .tools import tool_versions

LOCK_WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.1

Done = TypeVar("Done")

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
"""What tells a command to save and stop."""


class StopFlag:
    """Set by SIGTERM, SIGINT or SIGUSR2; work looks at it where it can stop without loss."""

    def __init__(self) -> None:
        self.is_set = False

    def install(self) -> None:
        """Takes the signals over; a second one changes nothing, SIGKILL is always safe.

        They are sent to the whole group of processes. Those that are forked from this one (to read rows ahead, as
        Axolotl has it by default) hear none: one that dies of it takes the training along before that has saved.
        """
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.register_at_fork(after_in_child=_hear_no_signals)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True

    def check(self) -> None:
        """Leaves by `StoppedError` when a signal has come."""
        if self.is_set:
            raise StoppedError

    def leave(self, work: Callable[[], Done]) -> Done:
        """What `work` gives; but when a signal comes, it is left to itself, to end with the process.

        For what is waited for inside others' code, and may be cut off anywhere.
        """
        future: Future[Done] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="left when stopped", daemon=True).start()
        while not wait([future], LOOK_SECONDS).done:
            self.check()
        return future.result()


def _hear_no_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def start_lifeline(handle: int = 0) -> None:
    """Ends this process at once when `handle` reaches its end: kill -9 of the parent closes the pipe."""

    def watch() -> None:
        try:
            while os.read(handle, 4096):
                pass
        except OSError:
            pass
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


class Session:
    """Owns `work` while a command runs. Use `with`; it holds the lock from entry to exit.

    Of several processes each has a folder of its own for its result, its events but for the first one's, and what else
    is nobody else's. Their launcher holds the lock.
    """

    def __init__(
        self, work: Path, command: str, stop: StopFlag, events: Path | None = None, rank: Rank | None = None
    ) -> None:
        self.work = work
        self.rank = rank or Rank()
        self.own = self.rank.folder(work)
        self._events_file = (events if self.rank.is_first else None) or self.own / "events.jsonl"
        self.command = command
        self.stop = stop
        self._began = time.monotonic()
        self._lock: int | None = None
        self._reserve = self.own / "reserve"
        self._writing = threading.Lock()

    def __enter__(self) -> Session:
        self.own.mkdir(parents=True, exist_ok=True)
        if self.rank.is_alone:
            self._take_lock()
        for name in ("result.json", "ready.json"):
            (self.own / name).unlink(missing_ok=True)
        self._end_torn_line()
        self._reserve_room()
        self._events = self._events_file.open("a", buffering=1, encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._events.close()
        self._reserve.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def _take_lock(self) -> None:
        handle = os.open(self.work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lock = handle
                return
            except BlockingIOError:
                if self.stop.is_set or time.monotonic() > deadline:
                    os.close(handle)
                    self.stop.check()
                    raise TrainerError(
                        "work-locked",
                        f"another process has held {self.work} for more than {LOCK_WAIT_SECONDS:.0f} s",
                        "wait for it, or end it",
                    ) from None
                time.sleep(0.05)

    def _reserve_room(self) -> None:
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, SPARE_BYTES)
        except OSError:
            # What is left may do for the result.
            self._reserve.unlink(missing_ok=True)

    def _end_torn_line(self) -> None:
        """A predecessor that was killed may have left half a line: the next event starts on its own."""
        path = self._events_file
        if path.exists() and path.stat().st_size > 0:
            with path.open("rb+") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")

    def event(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """Appends one event; numbers that are not finite become null."""
        line = {"type": kind, **{key: finite(value) for key, value in values.items()}}
        with self._writing:
            self._events.write(json.dumps(line, allow_nan=False, ensure_ascii=False) + "\n")

    def log(self, message: str) -> None:
        """Something worth knowing, in a sentence."""
        self.event("log", message=message)

    def progress(self, done: int, total: int, unit: str) -> None:
        """Work done so far."""
        self.event("progress", done=done, total=total, unit=unit)

    def finish(self, outcome: str, facts: dict[str, Any]) -> None:
        """Writes the result file: the last thing that a command does."""
        seconds = time.monotonic() - self._began
        # The disk may be full, which is what this then has to say.
        self._reserve.unlink(missing_ok=True)
        write_result(self.own, self.command, outcome, {**facts, "seconds": round(seconds, 3)})


def write_result(work: Path, command: str, outcome: str, facts: dict[str, Any]) -> None:
    """Writes `<work>/result.json`, whole."""
    result = {"schema": 1, "command": command, "outcome": outcome, **facts, "tools": tool_versions()}
    write_json(work / "result.json", {key: finite(value) for key, value in result.items()})


def failure(error: TrainerError) -> dict[str, Any]:
    """An error as the result file carries it."""
    facts = {"code": error.code, "message": error.message}
    return {**facts, "hint": error.hint} if error.hint else facts


def finite(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """None for NaN and the infinities, which JSON cannot carry; anything else as it is."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def complain(message: str) -> None:
    """One line on stderr, for the case that there is no place for a result file."""
    sys.stderr.write(message + "\n")
