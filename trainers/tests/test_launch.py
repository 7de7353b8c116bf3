"""Whoever launches several processes says how it ended, whoever of them died."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from secpi_trainers.__main__ import _as_trainer_error
from secpi_trainers.base.errors import StoppedError, TrainerError
from secpi_trainers.base.memory import OutOfMemoryWatch
from secpi_trainers.base.rank import Rank
from secpi_trainers.base.session import StopFlag, failure
from secpi_trainers.training.ranks import launch
from secpi_trainers.training.ranks.launch import Launch, by_themselves

from .support import Job, start, wait_until
from .test_ranks import FULL, job_in, smallest  # noqa: F401 - a fixture

ENDLESS = 100_000
"""Steps: more than anybody waits for."""


def launched(job: Job, machines: int) -> list[subprocess.Popen[bytes]]:
    """Two processes that have begun to train, on one machine, or on two that are this one."""
    before = len(job.steps())
    if machines == 1:
        running = [start("train", job, "--ranks", "2")]
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            meet = f"127.0.0.1:{free.getsockname()[1]}"
        running = [start("train", job, "--nodes", "2", "--node", f"{node}", "--meet", meet) for node in (0, 1)]
    wait_until(lambda: len(job.steps()) > before, running[0])
    return running


def pid_of(job: Job, rank: int) -> int:
    return int((job.work / "ranks" / str(rank) / "pid").read_text())


def test_the_launcher_outlives_any_of_them_and_nobody_outlives_it(
    smallest: tuple[Path, Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    job = job_in(tmp_path, smallest, **FULL, steps=ENDLESS, save_every_steps=ENDLESS)
    # The first one is killed: it would have written the result.
    (running,) = launched(job, 1)
    os.kill(pid_of(job, 0), signal.SIGKILL)
    assert running.wait() == 1
    assert job.result["code"] == "trainer/rank-died"
    assert job.result["message"].startswith("process 0 of 2 was ended by signal 9 (SIGKILL)")
    assert not any(Path(f"/proc/{pid_of(job, rank)}").exists() for rank in (0, 1))
    # Told to stop, the launchers of two machines pass that on; all save, and end as one.
    running_there = launched(job, 2)
    for each in running_there:
        each.send_signal(signal.SIGUSR2)
    assert [each.wait() for each in running_there] == [75, 75]
    saved = job.result["checkpoint"]
    assert (job.result["outcome"], saved) == ("stopped", job.steps()[-1])
    # Without its launcher none goes on; the other machine is left with the loss, and says so.
    first, further = launched(job, 2)
    assert job.steps()[-1] > saved
    further.kill()
    further.wait()
    wait_until_gone(pid_of(job, 1))
    assert first.wait() == 1
    assert job.result["code"] == "trainer/rank-lost"


def wait_until_gone(*pids: int) -> None:
    for pid in pids:
        while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z":
            # Not all the time: it would take from it the processor that it needs to end.
            time.sleep(0.01)


def say(work: Path, rank: int, outcome: str, **facts: object) -> None:
    folder = work / "ranks" / str(rank)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps({"schema": 1, "command": "train", "outcome": outcome, **facts}))


LOST = {"code": "trainer/rank-lost", "message": "another process of this training is gone"}
FULL_DISK = {"code": "trainer/disk-full", "message": "the disk is full"}


def ended(
    monkeypatch: pytest.MonkeyPatch, work: Path, said: dict[int, dict[str, object]], failed: dict[int, int]
) -> str:
    """What a launcher of two makes of what they said, and of how those ended of which it saw the end."""

    def run(launch_: Launch, _job: Path, work: Path, _threads: int, stop: StopFlag) -> TrainerError | None:
        for rank, facts in said.items():
            say(work, rank, **facts)  # type: ignore[arg-type]
        watch = OutOfMemoryWatch()
        return (
            (launch._real_failure(launch_, work) or launch._killed(launch_, work, failed, stop, watch))
            if failed
            else None
        )

    monkeypatch.setattr(launch, "_run", run)
    try:
        return f"done {launch.run_first(Launch(2), work / 'job.json', work, 1, StopFlag())}"
    except StoppedError as stopped:
        return f"stopped {stopped.checkpoint}"
    except TrainerError as error:
        return f"{error.code}: {error.message}"


@pytest.mark.parametrize(
    ("said", "failed", "expected"),
    [
        ({0: {"outcome": "done", "steps": 4}, 1: {"outcome": "done"}}, {}, "done {'steps': 4}"),
        # What happens once the output is there changes nothing.
        ({0: {"outcome": "done", "steps": 4}, 1: {"outcome": "done"}}, {1: -6}, "done {'steps': 4}"),
        ({rank: {"outcome": "stopped", "checkpoint": 3} for rank in (0, 1)}, {}, "stopped 3"),
        # One has stopped before they met; the other lost it.
        ({0: {"outcome": "stopped", "checkpoint": None}, 1: {"outcome": "failed"} | LOST}, {1: 1}, "stopped None"),
        (
            {0: {"outcome": "failed"} | LOST, 1: {"outcome": "failed"} | FULL_DISK},
            {0: 1, 1: 1},
            "trainer/disk-full: the disk is full",
        ),
        (
            {0: {"outcome": "failed"} | LOST},
            {0: 1, 1: -9},
            "trainer/rank-died: process 1 of 2 was ended by signal 9 (SIGKILL), and with it all others",
        ),
        # The launcher has ended the second one because the first one had crashed.
        (
            {},
            {0: -11, 1: -15},
            "trainer/rank-died: process 0 of 2 was ended by signal 11 (SIGSEGV), and with it all others",
        ),
        ({}, {0: 3}, "trainer/rank-died: process 0 of 2 ended with 3, and with it all others"),
    ],
)
def test_the_first_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    said: dict[int, dict[str, object]],
    failed: dict[int, int],
    expected: str,
) -> None:
    say(tmp_path, 0, "done", of="an earlier launch")
    (tmp_path / "ranks" / "0" / "log.txt").write_text("kept")
    assert ended(monkeypatch, tmp_path, said, failed) == expected
    assert (tmp_path / "ranks" / "0" / "log.txt").exists()


def test_what_the_launcher_ends_itself_is_no_reason(tmp_path: Path) -> None:
    def seen(code: int, after: int) -> ProcessFailure:
        failure = ProcessFailure(local_rank=0, pid=0, exitcode=code, error_file="")
        failure.timestamp = 1_000 + after
        return failure

    # One ends, those that hang get SIGTERM, and half a minute later SIGKILL.
    lost = {0: seen(1, 0), 1: seen(-signal.SIGTERM, 3), 2: seen(-signal.SIGKILL, 30)}
    assert by_themselves(lost) == {0: 1}
    # The first one is never the launcher's, nor is one that is killed at once.
    assert by_themselves({2: seen(-signal.SIGKILL, 0), 0: seen(1, 0)}) == {2: -signal.SIGKILL, 0: 1}
    assert by_themselves({0: seen(1, 0), 1: seen(-signal.SIGKILL, 1)}) == {0: 1, 1: -signal.SIGKILL}
    assert by_themselves({1: seen(-signal.SIGTERM, 0)}) == {1: -signal.SIGTERM}
    say(tmp_path, 0, "failed", **LOST)
    found = launch._killed(Launch(3), tmp_path, by_themselves(lost), StopFlag(), OutOfMemoryWatch())
    assert found is None


NCCL = """NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.cpp:94, unhandled system error
ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error.
Last error:
socketPollConnect: connect to 10.0.0.2<40213> returned No route to host
"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (NCCL, "socketPollConnect: connect to 10.0.0.2<40213> returned No route to host"),
        (NCCL.rpartition("socketPoll")[0], NCCL.splitlines()[1]),
        ("[/pytorch/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:36425", None),
    ],
)
def test_the_words_about_a_loss_are_told_where_nobody_says_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, words: str | None
) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    told = _as_trainer_error(RuntimeError(said), [tmp_path], Rank(1, 2))
    results: dict[int, dict[str, object]] = {
        1: {"outcome": "failed", **failure(told)},
        0: {"outcome": "failed", **LOST},
    }
    found = ended(monkeypatch, tmp_path, results, {0: 1, 1: 1})
    assert found.startswith("trainer/rank-lost: a process of this training went away, and nobody has said why")
    assert found.partition("; the first words about it: ")[2] == ("" if words is None else f"{words} (process 1)")


def test_a_card_without_memory_is_no_lost_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    said = NCCL.replace(NCCL.splitlines()[-1], "Cuda failure 2 'out of memory'")
    assert _as_trainer_error(RuntimeError(said), [tmp_path], Rank(1, 2)).code == "trainer/out-of-memory"


def test_another_machine_tells_what_it_saw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = launch._gone(Launch(1, 2, 1), 1, -9, None)

    def run(_launch: Launch, _job: Path, work: Path, *_: object) -> None:
        say(work, 0, "failed", **LOST)
        (work / "ranks" / "node-1.json").write_text(json.dumps(failure(gone)))

    monkeypatch.setattr(launch, "_run", run)
    with pytest.raises(TrainerError, match=r"process 1 of 2 \(machine 1 of 2\) was ended by signal 9"):
        launch.run_first(Launch(1, 2, 0), tmp_path / "job.json", tmp_path, 1, StopFlag())


def test_the_kernel_is_believed_when_it_killed_for_memory(tmp_path: Path) -> None:
    events = tmp_path / "sys" / "fs" / "cgroup" / "slice" / "memory.events"
    events.parent.mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/slice\n")
    events.write_text("low 0\noom 1\noom_kill 1\n")
    watch = OutOfMemoryWatch(tmp_path)
    assert "may say so" in watch.hint()
    events.write_text("low 0\noom 2\noom_kill 2\n")
    assert "the kernel killed it for want of memory" in watch.hint()
    assert "may say so" in OutOfMemoryWatch(tmp_path / "nowhere").hint()
