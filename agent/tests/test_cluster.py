"""A job that a cluster's queue decides when to run: it runs once, whoever dies, and goes on when it was put back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from counting_job import Job, ask
from killing import kill_everywhere, start_killed_at
from means import needs
from slurm_cluster import HAS_SLURM, SlurmCluster, slurm_cluster

from secpi_agent.jobs.folder import JobFolder
from secpi_agent.queues.cluster import beats

pytestmark = needs(HAS_SLURM, "there is no Slurm here (slurm-wlm, munge; as root)")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    with slurm_cluster(Path("/tmp") / f"slurm-{os.getpid()}") as running:  # noqa: S108 - a socket's path must be short
        os.environ["SLURM_CONF"] = str(running.conf)
        yield running
        del os.environ["SLURM_CONF"]


@pytest.fixture(autouse=True)
def _empty_queue(cluster: SlurmCluster) -> Iterator[None]:
    yield
    cluster.run("scancel", "--user=root", "--full")
    cluster.run("scancel", "--user=root")
    cluster.until(lambda: not cluster.run("squeue", "--noheader"))
    if "drain" in cluster.run("sinfo", "--noheader", "--format=%T"):
        cluster.run("scontrol", "update", "NodeName=n1,n2", "State=resume")


class QueuedJob(Job):
    """The same job, in a queue."""

    flags: tuple[str, ...] = ("--partition=low", "--time=10")
    requeues = 3

    def start_request(self, attempt: int = 1) -> dict[str, Any]:
        launcher = {"flags": list(self.flags), "requeues": self.requeues}
        return {**super().start_request(attempt), "launcher": launcher}


def test_runs_once_however_often_and_by_however_many_it_is_started(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path)
    with ThreadPoolExecutor(6) as pool:
        states = list(pool.map(lambda _: job.start()["state"], range(6)))
    assert set(states) <= {"waiting", "running", "exited"}
    assert job.end()["outcome"] == "done"
    assert job.ran == [1]
    assert len(cluster.ids(f"{job.key}-1")) == 1


def test_takes_no_job_that_the_cluster_cannot_run(cluster: SlurmCluster, tmp_path: Path) -> None:
    for number, flag in enumerate(("--partition=nowhere", "--gpus-per-node=h100:8", "--nodes=9", "--time=soon")):
        folder = tmp_path / str(number)
        folder.mkdir()
        job = QueuedJob(folder)
        job.flags = (flag,)
        job.spec["secrets"] = ["TOKEN"]
        said = ask("start", {**job.start_request(), "secrets": {"TOKEN": "canary"}})[-1]
        assert not any(b"canary" in file.read_bytes() for file in job.folder.rglob("*") if file.is_file())
        assert said["code"] == "slurm/refused", (flag, said)
        assert ask("poll", job.request())[-1]["state"] == "new"
        (tested,) = ask("test", {"launcher": {"flags": [flag], "requeues": 0}})
        assert not tested["ok"], tested
    (tested,) = ask("test", {"launcher": {"flags": ["--partition=low", "--time=5"], "requeues": 0}})
    assert tested["ok"], tested
    assert not any("secpi-test" in name for name in cluster.states())


def test_one_that_waits_can_be_cancelled_and_never_runs(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path)
    job.flags = ("--partition=low", "--begin=now+1hour")
    job.spec["secrets"] = ["TOKEN"]
    assert ask("start", {**job.start_request(), "secrets": {"TOKEN": "canary"}})[-1]["state"] == "waiting"
    cluster.until(lambda: ask("poll", job.request())[-1]["why"] == "BeginTime")
    job.cancel()
    assert job.end()["outcome"] == "stopped"
    assert job.ran == []
    # What waited there for it is not left.
    assert not any(b"canary" in file.read_bytes() for file in job.folder.rglob("*") if file.is_file())
    # Nothing that the queue may still do about it starts it.
    number = cluster.ids(f"{job.key}-1")[0]
    run_round(job, number, 0)
    assert job.ran == []


def test_one_that_runs_saves_what_it_has_when_it_is_cancelled(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, "trap 'echo saved; exit 75' TERM; echo here; sleep 100 & wait; sleep 1")
    job.start()
    job.await_log("here")
    job.cancel()
    end = job.end()
    assert (end["outcome"], end["code"]) == ("stopped", 75)
    assert job.log() == "here\nsaved\n"
    cluster.until(lambda: cluster.states()[f"{job.key}-1"] == "COMPLETED")


@pytest.mark.parametrize("when", ["waiting", "running"])
def test_it_is_told_when_somebody_else_cancels_it(cluster: SlurmCluster, tmp_path: Path, when: str) -> None:
    # Slurm tells all processes of a job: what is waited for may end before its shell has heard.
    job = QueuedJob(tmp_path, "trap 'exit 75' TERM; echo here; sleep 100 & wait; sleep 1")
    job.flags = ("--begin=now+1hour",) if when == "waiting" else ()
    job.start()
    if when == "running":
        job.await_log("here")
    cluster.run("scancel", "-n", f"{job.key}-1")
    end = job.end()
    if when == "waiting":
        message, hint = "Slurm has not begun the job: CANCELLED", "Run the same command again."
        assert end["error"] == {"code": "slurm/not-begun", "message": message, "hint": hint}
    else:
        assert end["outcome"] == "stopped"
    assert job.start(2)["state"] in ("waiting", "running")
    job.cancel(2)
    job.end(2)


PREEMPTED = """
trap 'echo saved; exit 75' TERM
for step in 1 2 3 4 5 6; do
  [ -e "{work}/$step" ] && continue
  touch "{work}/$step"; echo "step $step"
  while [ "$step" = 2 ] && [ ! -e "{work}/go-on" ]; do sleep 0.1 & wait $!; done
done
"""


def test_one_that_is_preempted_saves_waits_again_and_goes_on(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, PREEMPTED)
    job.flags = ("--partition=low", "--nodes=2", "--exclusive")
    job.start()
    job.await_log("step 2")
    cluster.run("sbatch", "--partition=high", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    job.await_log("saved")
    cluster.until(lambda: cluster.states()[f"{job.key}-1"] == "PENDING")
    assert ask("poll", job.request())[-1]["state"] == "waiting"
    (job.folder / "work" / "go-on").touch()
    # Slurm lets a job that was put back wait for two minutes.
    cluster.run("scontrol", "update", f"JobId={cluster.ids(f'{job.key}-1')[0]}", "StartTime=now")
    assert job.end()["outcome"] == "done"
    # Two rounds of one attempt: nothing that was done is done again.
    assert job.ran == [1, 1]
    # The shell itself has a word for what ends its sleep.
    said = [line for line in job.log().splitlines() if line != "Terminated"]
    assert said == ["step 1", "step 2", "saved", "step 3", "step 4", "step 5", "step 6"]
    texts = [line["text"] for line in job.follow() if line["type"] == "log"]
    assert "".join(texts) == job.log()


def test_it_is_put_back_only_so_often(cluster: SlurmCluster, tmp_path: Path) -> None:
    # Slurm tells all processes of a job: what is waited for may end before its shell has heard.
    job = QueuedJob(tmp_path, "trap 'exit 75' TERM; echo here; sleep 100 & wait; sleep 1")
    job.requeues = 0
    job.start()
    job.await_log("here")
    cluster.run("scancel", "--batch", "--signal=USR2", "-n", f"{job.key}-1")
    assert job.end()["outcome"] == "stopped"


def test_a_controller_that_crashes_changes_nothing(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, 'echo here; while [ ! -e "{work}/go-on" ]; do sleep 0.1; done')
    job.start()
    job.await_log("here")
    # One that has not written down what it gave out gives the same id to the next job, which the node then refuses.
    saved = cluster.folder / "state" / "job_state"
    cluster.until(lambda: saved.exists() and f"{job.key}-1".encode() in saved.read_bytes())
    cluster.kill_controller()
    assert ask("poll", job.request())[-1]["code"] == "compute/unreachable"
    assert job.start(2)["code"] == "compute/unreachable"
    (job.folder / "work" / "go-on").touch()
    # The end is on the disk, whether the controller knows of it or not.
    assert job.end()["outcome"] == "done"
    cluster.start_controller()
    time.sleep(1)
    assert job.ran == [1]


def run_round(job: Job, number: int, restart: int) -> subprocess.Popen[bytes]:
    """What the batch script does, as the queue may do it at any time."""
    environment = {**os.environ, "SLURM_JOB_ID": str(number), "SLURM_RESTART_COUNT": str(restart)}
    argv = ["bash", "-c", f"export PATH=$PATH; exec bash {job.folder}/attempts/1/batch.sh"]
    done = subprocess.Popen(argv, env=environment)
    if restart == 0:
        done.wait()
    return done


def test_whatever_the_queue_starts_again_runs_it_no_second_time(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, 'echo here; while [ ! -e "{work}/go-on" ]; do sleep 0.1; done')
    job.start()
    job.await_log("here")
    number = cluster.ids(f"{job.key}-1")[0]
    # Another job of the queue that came of a submission whose answer was lost.
    run_round(job, number + 1, 0)
    # The same job on another node, while a node that the controller has lost still computes.
    again = run_round(job, number, 1)
    time.sleep(2)
    assert job.ran == [1]
    (job.folder / "work" / "go-on").touch()
    assert job.end()["outcome"] == "done"
    again.wait(30)
    # As a controller does that was killed right after the job had ended.
    run_round(job, number, 0)
    assert job.ran == [1]


def test_a_supervisor_that_was_replaced_ends_without_a_word(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, "echo here; sleep 100")
    job.start()
    job.await_log("here")
    file = job.folder / "attempts" / "1" / "owner.json"
    owner = json.loads(file.read_text())
    file.write_text(json.dumps({**owner, "host": "elsewhere"}))
    cluster.until(lambda: cluster.states()[f"{job.key}-1"] == "FAILED")
    assert not (job.folder / "attempts" / "1" / "exit.json").exists()
    assert not Path(f"/proc/{owner['pid']}").exists()


def test_one_whose_supervisor_was_killed_is_lost(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path, "echo here; sleep 100")
    job.start()
    job.await_log("here")
    owner = json.loads((job.folder / "attempts" / "1" / "owner.json").read_text())
    os.kill(owner["pid"], signal.SIGKILL)
    assert job.follow()[-1] == {"type": "state", "state": "lost"}
    assert job.start(2)["state"] in ("waiting", "running")
    job.cancel(2)
    job.end(2)
    assert job.ran in ([1], [1, 2])


def test_a_secret_reaches_the_program_and_nothing_else(cluster: SlurmCluster, tmp_path: Path) -> None:
    canary = "canary-1f8a"
    job = QueuedJob(tmp_path, f'[ "$TOKEN" = {canary[:6]}"-1f8a" ] && echo same')
    job.spec["secrets"] = ["TOKEN"]
    assert job.start()["code"] == "job/no-secrets"
    ask("start", {**job.start_request(), "secrets": {"TOKEN": canary}})
    assert job.end()["outcome"] == "done"
    assert job.log() == "same\n"
    shown = cluster.run("scontrol", "show", "job", f"{cluster.ids(f'{job.key}-1')[0]}")
    found = subprocess.run(
        ["/bin/grep", "-rl", canary, str(job.folder), str(cluster.folder)], capture_output=True, check=False
    )
    assert (canary in shown, found.stdout) == (False, b"")


def test_runs_once_on_each_node_and_tells_the_first_that_failed(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = QueuedJob(tmp_path)
    job.flags = ("--nodes=2",)
    job.spec["steps"] = [
        {
            **job.step("first", 'echo "node {node} of {nodes}"; echo made >"{work}/made"'),
            "launch": "per-node",
        },
        {
            **job.step("second", "[ {node} = 1 ] && exit 7; sleep 100"),
            "launch": "per-node",
        },
    ]
    job.start()
    end = job.end()
    assert sorted(job.log().splitlines()[:2]) == ["node 0 of 2", "node 1 of 2"]
    assert (end["outcome"], end["step"], end["code"]) == ("failed", "second", 7)


TORCH = """
import os, sys
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
one = torch.ones(1)
dist.all_reduce(one)
print(f"rank {dist.get_rank()} of {dist.get_world_size()}: {one.item()}", flush=True)
dist.destroy_process_group()
"""


def test_torchrun_finds_its_other_node(cluster: SlurmCluster, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    job = QueuedJob(tmp_path)
    job.flags = ("--nodes=2",)
    program = tmp_path / "program.py"
    program.write_text(TORCH)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes={nodes}", "--node-rank={node}"]
    torchrun += ["--nproc-per-node=1", "--rdzv-backend=c10d", "--rdzv-endpoint={master}:{master_port}", str(program)]
    job.spec["steps"] = [
        {**job.step("ranks", ""), "argv": torchrun, "launch": "per-node"},
        job.step("end", 'echo made >"{work}/made"'),
    ]
    job.start()
    assert job.end()["outcome"] == "done", job.log()
    # Both write to one file, and a line's end is another write.
    for rank in (0, 1):
        assert f"rank {rank} of 2: 2.0" in job.log()


def test_a_supervisor_on_another_node_is_waited_for_as_long_as_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secpi_agent.queues.cluster.LEASE_SECONDS", 1.5)
    monkeypatch.setattr("secpi_agent.queues.cluster._LOOK_SECONDS", 0.1)
    attempt = JobFolder(tmp_path).attempt(1)
    attempt.folder.mkdir(parents=True)
    attempt.begin({"host": "elsewhere", "boot": "another", "pid": 1, "started": "1"})
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(beats, attempt)
        time.sleep(0.5)
        attempt.beat.write_text("0 1")
        assert watching.result() is True
    assert beats(attempt) is False


def test_killed_at_every_point_of_its_submission_it_runs_once(cluster: SlurmCluster, tmp_path: Path) -> None:
    names = kill_everywhere(lambda number: kill_at(tmp_path, number), 8)
    sys.stdout.write(f"agent: killed at {len(names)} points of a submission: {', '.join(sorted(set(names)))}\n")
    assert {"Popen", "replace", "fsync", "open"} <= set(names)


def kill_at(tmp_path: Path, number: int) -> str:
    """Submits a job and has whoever does killed at a point; the call it was killed at, empty when there are fewer."""
    folder = tmp_path / str(number)
    folder.mkdir()
    job = QueuedJob(folder)
    name = start_killed_at(number, job.start_request(), folder / "killed")
    where = f"point {number}: {name or 'none'}"
    assert job.start()["state"] in ("waiting", "running", "exited"), where
    end = job.end()
    assert (end["outcome"], job.ran) == ("done", [1]), where
    return name


def test_waits_for_nodes_that_are_away(cluster: SlurmCluster, tmp_path: Path) -> None:
    cluster.run("scontrol", "update", "NodeName=n1,n2", "State=drain", "Reason=test")
    try:
        job = QueuedJob(tmp_path)
        assert job.start()["state"] == "waiting"
    finally:
        cluster.run("scontrol", "update", "NodeName=n1,n2", "State=resume")
    assert job.end()["outcome"] == "done"


def test_waits_for_the_nodes_of_its_own_partition_and_names_those_that_are_away_where_others_are_not(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    cluster.run("scontrol", "create", "PartitionName=alone", "Nodes=n1")
    cluster.run("scontrol", "update", "NodeName=n1", "State=drain", "Reason=test")
    try:
        (tmp_path / "waits").mkdir()
        job = QueuedJob(tmp_path / "waits")
        job.flags = ("--partition=alone",)
        assert job.start()["state"] == "waiting"
        (tmp_path / "too-much").mkdir()
        greedy = QueuedJob(tmp_path / "too-much")
        greedy.flags = ("--partition=low", "--gpus-per-node=h100:8")
        said = ask("start", greedy.start_request())[-1]
        assert (said["code"], "do not count (n1): once they are back" in said["hint"]) == ("slurm/refused", True)
    finally:
        cluster.run("scontrol", "update", "NodeName=n1", "State=resume")
    assert job.end()["outcome"] == "done"
    cluster.run("scontrol", "delete", "PartitionName=alone")
