"""An agent that is killed before one of the calls by which it changes anything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from counting_job import AGENT

# Runs the agent, and kills the process that makes the nth call of these; the count goes on in what it forks.
KILLED_AT = """
import fcntl, os, runpy, signal, subprocess, sys
number, agent, command, killed = int(sys.argv[1]), *sys.argv[2:]
count = 0
def counted(module, name):
    real = getattr(module, name)
    def call(*args, **options):
        global count
        count += 1
        if count == number:
            open(killed, "w").write(name)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    setattr(module, name, call)
for module, names in (
    (os, ("open", "fsync", "mkdir", "rename", "replace", "unlink", "utime", "fork", "kill", "setsid", "write")),
    (fcntl, ("flock",)),
    (subprocess, ("Popen",)),
):
    for name in names:
        counted(module, name)
sys.argv = [agent, command]
runpy.run_path(agent, run_name="__main__")
"""


def start_killed_at(number: int, request: dict[str, Any], killed: Path) -> str:
    """
    Asks it to start a job, and has the process killed that makes the call of that number; the call, or an empty text.

    `killed` is a file that does not exist.
    """
    return ask_killed_at(number, "start", request, killed)


def ask_killed_at(number: int, command: str, request: dict[str, Any], killed: Path) -> str:
    """The same of anything that it can be asked."""
    argv = [sys.executable, "-c", KILLED_AT, str(number), str(AGENT), command, str(killed)]
    subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=60)
    return killed.read_text() if killed.exists() else ""


def kill_everywhere(kill_at: Callable[[int], str], at_once: int) -> list[str]:
    """
    Has something done and killed at its first point, its second and so on; the calls it was killed at.

    `kill_at` is given a point's number, and gives the call, or an empty text where there are not so many.
    """
    names: list[str] = []
    with ThreadPoolExecutor(at_once) as pool:
        while True:
            first = len(names) + 1
            some = list(pool.map(kill_at, range(first, first + 2 * at_once)))
            names += [name for name in some if name]
            if not all(some):
                return names
