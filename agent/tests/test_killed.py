"""Whoever starts a job, or watches it, is killed before each of the calls by which it changes anything."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from counting_job import AGENT, Job

from secpi_agent.processes import marked

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
    (os, ("open", "fsync", "mkdir", "rename", "replace", "unlink", "fork", "kill", "setsid", "write")),
    (fcntl, ("flock",)),
    (subprocess, ("Popen",)),
):
    for name in names:
        counted(module, name)
sys.argv = [agent, command]
runpy.run_path(agent, run_name="__main__")
"""


def test_killed_at_every_point_it_runs_once_and_is_done(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        names: list[str] = []
        while True:
            first = len(names) + 1
            some = list(pool.map(lambda number: kill_at(tmp_path, number), range(first, first + 8)))
            names += [name for name in some if name]
            if not all(some):
                break
    sys.stdout.write(f"agent: killed at {len(names)} points: {', '.join(sorted(set(names)))}\n")
    assert {"fork", "flock", "Popen", "replace", "fsync"} <= set(names)


def kill_at(tmp_path: Path, number: int) -> str:
    """Starts a job and has it killed at a point; the call it was killed at, empty when there are not so many."""
    folder = tmp_path / str(number)
    folder.mkdir()
    job = Job(folder)
    killed = folder / "killed"
    argv = [sys.executable, "-c", KILLED_AT, str(number), str(AGENT), "start", str(killed)]
    request = json.dumps(job.start_request())
    subprocess.run(argv, input=request, capture_output=True, text=True, check=False, timeout=60)
    attempt = 1
    # Asked again, as who does not know what became of it; another attempt only when this one is over for certain.
    while (state := job.start(attempt))["state"] == "lost":
        attempt += 1
    end = state.get("exit") or job.end(attempt)
    if not end:
        # It was killed after it had begun: in the middle of what it was asked for the second time.
        attempt += 1
        job.start(attempt)
        end = job.end(attempt)
    name = killed.read_text() if killed.exists() else ""
    where = f"point {number}: {name or 'none'}"
    assert end["outcome"] == "done", where
    assert sorted(set(job.ran)) == job.ran, where
    assert attempt in job.ran or job.ran == [1], where
    assert end["outputs"][0]["files"][0]["bytes"] == 5, where
    assert marked(f"{job.key}/") == [], where
    return name
