"""Whoever starts a job, or watches it, is killed before each of the calls by which it changes anything."""

from __future__ import annotations

import sys
from pathlib import Path

from counting_job import Job
from killing import kill_everywhere, start_killed_at

from secpi_agent.base.processes import marked


def test_killed_at_every_point_it_runs_once_and_is_done(tmp_path: Path) -> None:
    names = kill_everywhere(lambda number: kill_at(tmp_path, number), 4)
    sys.stdout.write(f"agent: killed at {len(names)} points: {', '.join(sorted(set(names)))}\n")
    assert {"fork", "flock", "Popen", "replace", "fsync"} <= set(names)


def kill_at(tmp_path: Path, number: int) -> str:
    """Starts a job and has it killed at a point; the call it was killed at, empty when there are not so many."""
    folder = tmp_path / str(number)
    folder.mkdir()
    job = Job(folder)
    name = start_killed_at(number, job.start_request(), folder / "killed")
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
    where = f"point {number}: {name or 'none'}"
    assert end["outcome"] == "done", where
    assert sorted(set(job.ran)) == job.ran, where
    assert attempt in job.ran or job.ran == [1], where
    assert end["outputs"][0]["files"][0]["bytes"] == 5, where
    assert marked(f"{job.key}/") == [], where
    return name
