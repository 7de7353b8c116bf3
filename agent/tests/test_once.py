"""An attempt runs at most once, whoever dies, and what is said of it is true."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from counting_job import Job, ask

from secpi_agent.base import processes
from secpi_agent.base.memory import MemoryWatch
from secpi_agent.base.owner import lives, this_process
from secpi_agent.base.processes import marked
from secpi_agent.jobs.supervisor import _checkpoint_of


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    made = Job(tmp_path)
    yield made
    assert marked(f"{made.key}/") == []


def test_runs_once_however_often_and_by_however_many_it_is_started(job: Job) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: job.start()["state"], range(8)))
    assert set(states) <= {"running", "exited"}
    assert job.end()["outcome"] == "done"
    assert job.start()["exit"]["outcome"] == "done"
    assert job.ran == [1]


def test_says_what_it_made(job: Job) -> None:
    job.start()
    (output,) = job.end()["outputs"]
    assert output == {
        "name": "made",
        "kind": "file",
        "path": str(job.folder / "work" / "made"),
        "files": [{"path": "", "bytes": 5, "sha256": hashlib.sha256(b"made\n").hexdigest()}],
    }


def test_does_not_end_well_without_what_it_was_to_make(tmp_path: Path) -> None:
    job = Job(tmp_path, 'rm "{work}/made"')
    job.start()
    end = job.end()
    assert end["outcome"] == "failed"
    assert end["error"]["code"] == "job/no-output"


@pytest.mark.parametrize("planted", ["link", "folder"])
def test_takes_nothing_else_for_an_output(tmp_path: Path, planted: str) -> None:
    plant = 'ln -s /etc/passwd "{work}/made"' if planted == "link" else 'mkdir "{work}/made"'
    job = Job(tmp_path, f'rm "{{work}}/made"; {plant}')
    job.start()
    assert job.end()["error"]["code"] == "job/no-output"


def test_an_attempt_is_begun_only_when_the_one_before_is_over(tmp_path: Path) -> None:
    job = Job(tmp_path, "sleep 100")
    job.start()
    assert job.start(2)["code"] == "job/still-running"
    job.cancel()
    assert job.end()["outcome"] == "stopped"
    assert job.start(2)["state"] == "running"
    job.cancel(2)
    job.end(2)
    assert job.ran == [1, 2]


def test_steps_that_ended_well_are_passed_over_by_the_next_attempt(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.spec["steps"].append(job.step("second", 'test -e "{work}/allowed"'))
    job.start()
    end = job.end()
    assert (end["outcome"], end["step"], end["code"]) == ("failed", "second", 1)
    (job.folder / "work" / "allowed").touch()
    job.start(2)
    assert job.end(2)["outcome"] == "done"
    assert job.ran == [1]


def test_kills_what_leaves_its_group_and_its_parents(tmp_path: Path) -> None:
    job = Job(tmp_path, "(setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &) ; (setsid env -i sleep 1000 &)")
    job.start()
    assert job.end()["outcome"] == "done"
    assert marked(f"{job.key}/") == []


@pytest.mark.parametrize("obeys", [True, False])
def test_stops_when_asked(tmp_path: Path, *, obeys: bool) -> None:
    result = tmp_path / "result.json"
    trap = "trap 'echo saved; exit 75' TERM" if obeys else "trap '' TERM"
    says = f"""echo '{{"checkpoint": 12}}' >{result}"""
    job = Job(tmp_path, f"{says}; {trap}; echo ready; while :; do sleep 0.1; done", grace=1)
    job.spec["steps"][0]["result"] = str(result)
    job.start()
    job.await_log("ready")
    job.cancel()
    end = job.end()
    assert (end["outcome"], end["code"]) == ("stopped", 75 if obeys else 137)
    assert ("saved" in job.log()) == obeys
    # What a program has written that was killed is of no use.
    assert end["checkpointed"] == (12 if obeys else None)


def test_believes_no_odd_word_of_what_was_saved(tmp_path: Path) -> None:
    odd: list[object] = [None, [], "12", {"checkpoint": "12"}, {"checkpoint": True}]
    assert [_checkpoint_of(said) for said in odd] == [None] * len(odd)
    assert _checkpoint_of({"checkpoint": 12}) == 12


def test_the_kernel_says_that_it_killed_for_memory(tmp_path: Path) -> None:
    events = tmp_path / "sys" / "fs" / "cgroup" / "job" / "memory.events"
    events.parent.mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/job\n")
    events.write_text("oom 1\noom_kill 1\n")
    watch = MemoryWatch(tmp_path)
    assert not watch.has_killed()
    events.write_text("oom 2\noom_kill 2\n")
    assert watch.has_killed()
    assert not MemoryWatch(tmp_path / "nowhere").has_killed()


def test_is_lost_when_its_supervisor_is_killed_and_takes_its_programs_with_it(tmp_path: Path) -> None:
    job = Job(tmp_path, "echo ready; sleep 1000")
    job.start()
    job.await_log("ready")
    kill_supervisor(job)
    assert ask("poll", job.request())[0] == {"type": "state", "state": "lost"}
    # Not begun again under the same number, whoever asks.
    assert job.start()["state"] == "lost"
    # What is said to be lost is over: also what its programs had started.
    assert marked(f"{job.key}/") == []
    assert job.ran == [1]


def test_is_lost_after_a_reboot(tmp_path: Path) -> None:
    job = Job(tmp_path, "sleep 1000")
    job.start()
    owner_file = job.folder / "attempts" / "1" / "owner.json"
    owner = json.loads(owner_file.read_text())
    kill_supervisor(job)
    # As if its pid and start time had been given out again after a boot.
    owner_file.write_text(json.dumps({**this_process(), "boot": "00000000-0000-0000-0000-000000000000"}))
    assert owner["boot"] != "00000000-0000-0000-0000-000000000000"
    assert ask("poll", job.request())[0]["state"] == "lost"


def test_is_not_lost_because_it_was_begun_on_another_host(tmp_path: Path) -> None:
    job = Job(tmp_path, "sleep 1000")
    job.start()
    owner_file = job.folder / "attempts" / "1" / "owner.json"
    here = owner_file.read_text()
    owner_file.write_text(json.dumps({**json.loads(here), "host": "another", "boot": "of another"}))
    for said in (
        ask("poll", job.request())[0],
        job.start(),
        job.start(2),
        ask("release", {"folder": str(job.folder)})[0],
    ):
        assert (said["type"], said["code"]) == ("error", "job/elsewhere")
    owner_file.write_text(here)
    job.cancel()
    job.end()
    assert job.ran == [1]


def test_looking_at_a_lost_attempt_does_not_touch_the_one_after_it(tmp_path: Path) -> None:
    job = Job(tmp_path, "echo ready; sleep 1000")
    job.start()
    job.await_log("ready")
    kill_supervisor(job)
    job.start(2)
    job.await_log("ready", 2)
    assert ask("poll", job.request(1))[0]["state"] == "lost"
    assert ask("poll", job.request(2))[0]["state"] == "running"
    assert marked(f"{job.key}/2/") != []
    job.cancel(2)
    assert job.end(2)["outcome"] == "stopped"


def test_says_how_it_ended_although_something_of_it_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_KILL_SECONDS", 0.1)
    monkeypatch.setattr(processes, "marked", lambda _mark: [1])

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    processes.kill_all("anything/")


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen(["/bin/sleep", "1000"])
    owner = {**this_process(), "pid": child.pid, "started": started_at(child.pid)}
    assert lives(owner)  # type: ignore[arg-type]
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(owner)  # type: ignore[arg-type]
    child.wait()


def test_tells_every_byte_once_from_any_byte_on(tmp_path: Path) -> None:
    job = Job(tmp_path, "seq 1 3000; printf 'no end'")
    job.start()
    whole = "".join(line["text"] for line in job.follow() if line["type"] == "log")
    assert whole == "".join(f"{number}\n" for number in range(1, 3001)) + "no end"
    for offset in (0, 1, 2, 1000, len(whole) - 1, len(whole)):
        lines = [line for line in job.follow(log=offset) if line["type"] == "log"]
        assert "".join(line["text"] for line in lines) == whole[offset:]
        assert all(line["offset"] > offset for line in lines)


def test_a_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    job = Job(tmp_path, 'printf "half "; sleep 1; echo whole; sleep 1')
    job.start()
    assert [line["text"] for line in job.follow() if line["type"] == "log"] == ["half whole\n"]


def test_is_removed_only_when_it_is_over(tmp_path: Path) -> None:
    job = Job(tmp_path, "sleep 1000")
    job.start()
    assert ask("release", {"folder": str(job.folder)})[0]["code"] == "job/still-running"
    job.cancel()
    job.end()
    assert ask("release", {"folder": str(job.folder)}) == []
    assert not job.folder.exists()


def test_refuses_a_job_of_another_version(job: Job) -> None:
    job.spec["gpus"] = 8
    said = job.start()
    assert (said["code"], "gpus" in said["message"]) == ("job/bad-spec", True)
    assert job.ran == []


def test_secrets_are_neither_on_the_disk_nor_in_an_argument(tmp_path: Path) -> None:
    canary = "canary-9f8e7d6c5b4a"
    job = Job(tmp_path, '[ "${#TOKEN}" = 19 ] && echo has it; sleep 1000')
    ask("start", {**job.start_request(), "secrets": {"TOKEN": canary}})
    job.await_log("has it")
    argv = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path))
    files = b"".join(path.read_bytes() for path in job.folder.rglob("*") if path.is_file())
    job.cancel()
    job.end()
    assert canary.encode() not in argv + files


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def started_at(pid: int) -> str:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split(" ")[19]


def kill_supervisor(job: Job) -> None:
    owner = json.loads((job.folder / "attempts" / "1" / "owner.json").read_text())
    os.kill(owner["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while lives(owner):
        assert time.monotonic() < deadline
        time.sleep(0.02)
