"""Holding on to all processes of a job, also to those that leave its process group."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .owner import ask

MARK = "SECPI_JOB"
"""The variable by which processes of a job are known."""

_KILL_SECONDS = 10.0

# prctl(2)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """From here on, whoever descends from this process and loses its parent becomes our child. Linux only."""
    if _libc is not None and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def die_with(parent: int) -> None:
    """To be called in a child before it becomes the program: it is killed when its supervisor is. Linux only."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It was gone before that.
        os._exit(1)


def descendants(pid: int) -> list[int]:
    """All that descend from a process, parents first, zombies left out."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = children.get(pid, [])
    while waiting:
        found += waiting
        waiting = [grandchild for child in waiting for grandchild in children.get(child, [])]
    return found


def _parents() -> list[tuple[int, int]]:
    """(pid, parent's pid) of every process but zombies."""
    if _libc is None:
        lines = [line.split() for line in ask("ps", "-axo", "pid=,ppid=,stat=,comm=").splitlines()]
        # The one that says so descends from us too, and is gone by now.
        return [(int(line[0]), int(line[1])) for line in lines if line[2][0] != "Z" and not line[3].endswith("ps")]
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            state, parent = text[text.rindex(")") + 2 :].split(" ")[:2]
            if state not in "ZX":
                found.append((pid, int(parent)))
    return found


def mark_of(key: str, attempt: int | None) -> str:
    """The value of `MARK` in programs of an attempt; without an attempt, what those of all attempts begin with."""
    return f"{key}/{'' if attempt is None else f'{attempt}/'}"


def marked(mark: str) -> list[int]:
    """Processes of this user whose `MARK` begins so, other than this one. Linux only."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if pid != os.getpid() and any(variable.startswith(wanted) for variable in variables):
                found.append(pid)
    return found


def _pids() -> list[int]:
    if _libc is None:
        return []
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def send(pids: Iterable[int], number: int) -> None:
    """A signal for each that is still there, and ours: what has taken another user's rights cannot be told anything."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_all(mark: str) -> None:
    """
    Kills whatever of a job is left, and returns when it is gone. Who forks meanwhile is found by the next look.

    What cannot be killed (it waits for a disk that is away, it has another user's rights) is left after some seconds:
    how the job ended must be said all the same.
    """
    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        _reap()
        left = {*descendants(os.getpid()), *marked(mark)}
        if not left:
            return
        send(left, signal.SIGKILL)
        time.sleep(0.01)


def _reap() -> None:
    """Takes note of every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
