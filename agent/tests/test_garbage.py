"""What is cleared away is what nobody needs, and nothing else, whatever begins at the same moment."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from counting_job import AGENT, Job, ask
from lock_waiters import await_waiter

from secpi_agent.base.locks import alone, try_lock
from secpi_agent.host.inputs import in_use_lock

DAY = 86_400.0


class Root:
    """A root with a job below it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "root"
        for name in ("inputs", "jobs", "agent"):
            (self.path / name).mkdir(parents=True)
        self.job = Job(folder, 'cat "{in:data}"; sleep 1000')
        self.job.folder = self.path / "jobs" / "job"

    def input(self, digit: str, days: float) -> Path:
        """An input that was last used so many days ago."""
        folder = self.path / "inputs" / (digit * 64)
        folder.mkdir()
        (folder / "data").write_text("content")
        os.utime(folder, times=(time.time() - days * DAY,) * 2)
        return folder

    def clear(
        self, *, days: float = 30, remove: bool = True, jobs: tuple[str, ...] = (), kept: tuple[str, ...] = ()
    ) -> dict[str, dict[str, Any]]:
        """What is said, by name."""
        known = {"jobs": list(jobs), "kept": list(kept), "owner": "me"}
        request = {"root": str(self.path), **known, "unused_seconds": days * DAY, "remove": remove}
        said = ask("garbage", request)
        assert all(line["type"] == "stored" for line in said), said
        return {line["name"]: line for line in said}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    made = Root(tmp_path)
    yield made
    if made.job.folder.exists():
        made.job.cancel()
        made.job.end()


def test_inputs_go_that_nobody_has_used_for_long(root: Root) -> None:
    old, new = root.input("a", 31), root.input("b", 29)
    listed = root.clear(remove=False)
    assert listed[old.name] == {
        "type": "stored",
        "kind": "inputs",
        "name": old.name,
        "bytes": 7,
        "garbage": True,
        "removed": False,
    }
    assert (listed[new.name]["garbage"], old.exists()) == (False, True)
    assert root.clear()[old.name]["removed"] is True
    assert [path.name for path in (root.path / "inputs").glob("[!.]*")] == [new.name]


def test_what_is_asked_for_is_in_use_from_then_on(root: Root) -> None:
    old = root.input("a", 31)
    assert ask("find", {"path": str(old), "files": []})[0]["here"] is True
    assert root.clear()[old.name]["garbage"] is False


def test_what_a_running_job_uses_stays_however_old_it_is(root: Root) -> None:
    used, other = root.input("a", 400), root.input("b", 400)
    root.job.spec["inputs"] = {"data": str(used / "data")}
    root.job.start()
    root.job.await_log("content")
    cleared = root.clear(days=-1)
    assert (cleared[used.name]["garbage"], used.exists(), other.exists()) == (False, True, False)
    assert cleared["job"]["garbage"] is False
    assert ask("poll", root.job.request())[0]["state"] == "running"
    root.job.cancel()
    root.job.end()
    # Over: what it used may go, and the job itself unless somebody knows it.
    assert root.clear(days=-1, jobs=("job",))[used.name]["removed"] is True
    assert root.job.folder.exists()
    assert root.clear(days=30)["job"]["garbage"] is False
    assert root.clear(days=-1)["job"]["removed"] is True
    assert not root.job.folder.exists()


def test_a_job_that_another_host_has_begun_stays_with_its_inputs(root: Root) -> None:
    used = root.input("a", 400)
    root.job.spec["inputs"] = {"data": str(used / "data")}
    root.job.start()
    root.job.await_log("content")
    owner = root.job.folder / "attempts" / "1" / "owner.json"
    here = owner.read_text()
    owner.write_text('{"host": "another", "boot": "b", "pid": 1, "started": "1"}')
    cleared = root.clear(days=-1)
    owner.write_text(here)
    assert (cleared["job"]["garbage"], cleared[used.name]["garbage"]) == (False, False)


def test_leftovers_and_old_agents_go_and_nothing_that_is_not_known(root: Root) -> None:
    inputs = root.path / "inputs"
    (inputs / ".x.partial" / "deep").mkdir(parents=True)
    # The times of its files are those that they had elsewhere.
    (inputs / ".x.partial" / "deep" / "file").write_text("half")
    os.utime(inputs / ".x.partial" / "deep" / "file", times=(0, 0))
    (inputs / ".x.partial.lock").touch()
    (inputs / ".y.removed").mkdir()
    (root.path / "jobs" / ".z.removed").mkdir()
    (root.path / "mine").mkdir()
    (inputs / "mine").mkdir()
    # As an agent that lies in the root itself.
    own = root.path / "agent" / "own"
    shutil.copytree(AGENT, own / "secpi_agent", ignore=shutil.ignore_patterns("__pycache__"))
    (root.path / "agent" / "old").mkdir()
    assert {line["garbage"] for line in root.clear(days=1).values()} == {False}
    nobody = '"jobs": [], "kept": [], "owner": "me"'
    request = f'{{"root": "{root.path}", {nobody}, "unused_seconds": -10, "remove": true}}'
    argv = [sys.executable, "-I", str(own / "secpi_agent"), "garbage"]
    subprocess.run(argv, input=request, text=True, check=True, capture_output=True)
    left = {path.relative_to(root.path).as_posix() for path in root.path.glob("*/*")}
    assert {name for name in left if ".lock" not in name} == {"agent/own", "inputs/mine"}
    assert (root.path / "mine").exists()


def test_an_input_is_not_taken_away_from_who_was_told_a_moment_ago_that_it_is_here(root: Root) -> None:
    old = root.input("a", 31)
    with alone(in_use_lock(root.path / "inputs")), ThreadPoolExecutor(1) as pool:
        clearing = pool.submit(root.clear)
        await_waiter(in_use_lock(root.path / "inputs"), clearing.done)
        # It has been seen to be old, and somebody is told that it is here.
        os.utime(old)
        unlock(root)
        assert clearing.result()[old.name] == {**clearing.result()[old.name], "garbage": True, "removed": False}
    assert old.exists()


def test_nobody_is_told_that_an_input_is_here_which_is_taken_away(root: Root) -> None:
    old = root.input("a", 31)
    with alone(in_use_lock(root.path / "inputs")), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, "find", {"path": str(old), "files": []})
        await_waiter(in_use_lock(root.path / "inputs"), asked.done)
        old.rename(old.with_name(".gone"))
        unlock(root)
        assert asked.result()[0]["here"] is False


def unlock(root: Root) -> None:
    """Lets go of the lock that this process holds."""
    inode = in_use_lock(root.path / "inputs").stat().st_ino
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if entry.stat().st_ino == inode:
                fcntl.flock(int(entry.name), fcntl.LOCK_UN)


def test_a_job_that_is_being_begun_stays(root: Root) -> None:
    root.job.spec["inputs"] = {"data": str(root.input("a", 0) / "data")}
    root.job.start()
    root.job.await_log("content")
    root.job.cancel()
    root.job.end()
    # Between two attempts: nothing of it runs, and somebody has the lock.
    lock = try_lock(root.job.folder / "lock")
    assert lock is not None
    try:
        assert root.clear(days=-1)["job"]["removed"] is False
    finally:
        os.close(lock)
    assert root.clear(days=-1)["job"]["removed"] is True
