"""Who a process is, so that it can be told dead for certain: a pid alone is given out again."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple, TypedDict

from ..errors import AgentError


class Owner(TypedDict, total=False):
    """One process of one boot of one machine; on a cluster also the round of the attempt that is its own."""

    host: str
    boot: str
    pid: int
    started: str
    round: int


class _Process(NamedTuple):
    state: str
    started: str


_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Another one after each boot."""
    if _BOOT.exists():
        return _BOOT.read_text(encoding="ascii").strip()
    return ask("sysctl", "-n", "kern.bootsessionuuid")


def ask(*argv: str) -> str:
    """What a program of the system prints; nothing when it cannot tell. For macOS, which has no /proc."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _look(pid: int) -> _Process | None:
    if not _BOOT.exists():
        state, _, started = ask("ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)).partition(" ")
        return _Process(state[0], started.strip()) if state else None
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name may hold spaces and brackets; what follows the last bracket is fields 3 and on of proc(5).
    fields = text[text.rindex(")") + 2 :].split(" ")
    return _Process(fields[0], fields[19])


def this_process() -> Owner:
    """The process that asks."""
    seen = _look(os.getpid())
    return {
        "host": socket.gethostname(),
        "boot": boot_id(),
        "pid": os.getpid(),
        "started": seen.started if seen else "",
    }


def lives(owner: Owner) -> bool:
    """
    Whether that process runs now. A zombie does not: it keeps its pid until somebody reaps it.

    Throws `job/elsewhere` for one of another host: two that share a home cannot see each other's processes, and not to
    see one is no proof that it is dead.
    """
    if owner["host"] != socket.gethostname():
        raise AgentError(
            "job/elsewhere",
            f"the job was begun on {owner['host']}, and this is {socket.gethostname()}",
            "Name that host itself in the target, not an address that leads to one of several.",
        )
    if owner["boot"] != boot_id():
        return False
    seen = _look(owner["pid"])
    return seen is not None and seen.state not in "ZX" and seen.started == owner["started"]
