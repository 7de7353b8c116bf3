"""Jobs that serve until somebody ends them, or nobody wants them any more."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from counting_job import AGENT, Job, ask

from secpi_agent.base.processes import marked
from secpi_agent.jobs.service import Lease, free_address

# Says what it was given, and answers whoever connects.
SERVER = """
import json, os, socket, sys
with open(sys.argv[3]) as file:
    document = json.load(file)
print("given", sys.argv[1:3], os.environ["AT"], document["port"], flush=True)
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    while True:
        server.accept()[0].close()
"""


def service(folder: Path, lease: float | None, program: str = SERVER) -> Job:
    job = Job(folder)
    job.spec["steps"] = [
        {
            "name": "serve",
            "launch": "one",
            "argv": [sys.executable, "-c", program, "{host}", "{port}", "{job:it.json}"],
            "env": {"AT": "{host}:{port}"},
            "documents": {"it.json": {"port": "{port}"}},
            "result": None,
        }
    ]
    job.spec["outputs"] = []
    job.spec["service"] = {"bind": "127.0.0.1", "lease_seconds": lease}
    return job


def test_says_where_it_listens_as_soon_as_it_runs_and_until_it_is_over(tmp_path: Path) -> None:
    job = service(tmp_path, None)
    address = job.start()["address"]
    job.await_log("given")
    assert ask("poll", job.request())[0]["address"] == address
    at = f"{address['host']}:{address['port']}"
    assert job.log() == f"given ['127.0.0.1', '{address['port']}'] {at} {address['port']}\n"
    reach(address)
    job.cancel()
    said = job.follow()[-1]
    assert (said["exit"]["outcome"], "address" in said) == ("stopped", False)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address["host"], address["port"]))


def test_that_it_ends_by_itself_is_a_failure_and_it_can_be_begun_again(tmp_path: Path) -> None:
    job = service(tmp_path, None, "print('bye')")
    for attempt in (1, 2):
        job.start(attempt)
        end = job.end(attempt)
        assert (end["outcome"], end["step"], end["code"]) == ("failed", "serve", 0)
        assert job.log(attempt) == "bye\n"


def test_ends_when_nobody_wants_it_any_more_and_not_before(tmp_path: Path) -> None:
    job = service(tmp_path, 3)
    address = job.start()["address"]
    for _ in range(7):
        time.sleep(0.5)
        assert ask("renew", job.request())[0]["address"] == address
    assert job.end()["outcome"] == "stopped"
    assert marked(f"{job.key}/") == []
    assert ask("renew", job.request())[0]["state"] == "exited"


def test_ends_with_whoever_started_it_where_it_is_attached(tmp_path: Path) -> None:
    job = service(tmp_path, None)
    attached = subprocess.Popen([sys.executable, "-I", str(AGENT), "start"], stdin=subprocess.PIPE)
    assert attached.stdin is not None
    attached.stdin.write(json.dumps({**job.start_request(), "attached": True}).encode() + b"\n")
    attached.stdin.flush()
    job.await_log("given")
    attached.stdin.close()
    assert job.end()["outcome"] == "stopped"
    assert attached.wait(timeout=30) == 0


def test_what_is_reached_from_elsewhere_says_its_own_name() -> None:
    assert free_address("0.0.0.0")["host"] == socket.gethostname()  # noqa: S104
    assert free_address("127.0.0.1")["host"] == "127.0.0.1"


def test_a_clock_that_is_set_ends_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(tmp_path / "lease", 1000)
    (tmp_path / "lease").touch()
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert not lease.is_over


def reach(address: dict[str, object]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((str(address["host"]), int(str(address["port"])))).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
