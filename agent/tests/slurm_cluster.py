"""
A real Slurm cluster on this machine, for tests: munge, a controller and two nodes, each on a port of its own.

As a program it starts one, prints its configuration file, and stops it when its stdin ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
_PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
HAS_SLURM = os.getuid() == 0 and all(shutil.which(program, path=_PATH) for program in PROGRAMS)
if not HAS_SLURM and os.environ.get("CI") == "true":
    raise RuntimeError("there is no Slurm: install slurm-wlm and munge")


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class SlurmCluster:
    """
    Nodes `n1` and `n2` of eight cores and two GPUs of the kind H100 each, as far as it believes.

    Partitions `low` (the default) and `high`, which takes nodes from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf), "PATH": _PATH}
        host = socket.gethostname()
        ports = free_ports(3)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("munge", "state"):
            (folder / name).mkdir(mode=0o700)
        key = folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (folder / "gres.conf").write_text("Name=gpu Type=H100 File=/dev/null,/dev/zero\n")
        self.conf.write_text(
            "\n".join(
                [
                    "ClusterName=test",
                    f"SlurmctldHost={host}(127.0.0.1)",
                    f"SlurmctldPort={ports[0]}",
                    "SlurmUser=root",
                    "AuthType=auth/munge",
                    f"AuthInfo=socket={folder}/munge/socket",
                    f"StateSaveLocation={folder}/state",
                    f"SlurmdSpoolDir={folder}/spool-%n",
                    f"SlurmctldPidFile={folder}/slurmctld.pid",
                    f"SlurmdPidFile={folder}/slurmd-%n.pid",
                    f"SlurmctldLogFile={folder}/slurmctld.log",
                    f"SlurmdLogFile={folder}/slurmd-%n.log",
                    "ProctrackType=proctrack/linuxproc",
                    "TaskPlugin=task/none",
                    "SelectType=select/cons_tres",
                    "SelectTypeParameters=CR_Core",
                    "SchedulerType=sched/backfill",
                    "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0",
                    "PreemptType=preempt/partition_prio",
                    "PreemptMode=REQUEUE",
                    "SlurmctldParameters=preempt_send_user_signal",
                    # Jobs of tests sleep more than they compute.
                    "SlurmdParameters=config_overrides",
                    "SlurmdTimeout=20",
                    "KillWait=5",
                    "MpiDefault=none",
                    "GresTypes=gpu",
                    "ReturnToService=2",
                    *(
                        f"NodeName=n{n} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[n]} CPUs=8 RealMemory=2000"
                        " Gres=gpu:H100:2"
                        for n in (1, 2)
                    ),
                    "PartitionName=low Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20",
                    "PartitionName=high Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF",
                    "",
                ]
            )
        )

    def run(self, *argv: str) -> str:
        """What one of Slurm's commands prints."""
        done = self._say(*argv)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def _say(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, check=False)

    def start(self) -> None:
        """Starts all of it, and returns when a node takes jobs."""
        munge = self.folder / "munge"
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self.run("munged", "--force", *(f"--{option}={munge / name}" for option, name in files.items()))
        self.start_controller()
        for node in ("n1", "n2"):
            self.start_node(node)
        self.until(lambda: self.run("sinfo", "-h", "-N", "-p", "low", "-o", "%t").split() == ["idle", "idle"])

    def start_controller(self) -> None:
        """Starts the controller, and returns when it answers."""
        self.run("slurmctld")
        self.until(lambda: "UP" in self._say("scontrol", "ping").stdout)

    def start_node(self, name: str) -> None:
        """Starts the daemon of a node."""
        self.run("slurmd", "-N", name)

    def kill_controller(self) -> None:
        """As a crash does."""
        self._kill("slurmctld.pid")

    def kill_node(self, name: str) -> None:
        """The daemon alone: what it has started goes on."""
        self._kill(f"slurmd-{name}.pid")

    def _kill(self, file: str) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((self.folder / file).read_text()), signal.SIGKILL)

    def states(self) -> dict[str, str]:
        """The newest state of every job that is known, by its name."""
        lines = self.run("squeue", "-h", "-t", "all", "-o", "%j|%T").splitlines()
        return dict(line.split("|") for line in lines)

    def ids(self, name: str) -> list[int]:
        """The ids of all jobs of a name."""
        return [int(line) for line in self.run("squeue", "-h", "-t", "all", "-n", name, "-o", "%A").split()]

    @staticmethod
    def until(holds: object, seconds: float = 60) -> None:
        """Waits for something to be so."""
        deadline = time.monotonic() + seconds
        while not holds():  # type: ignore[operator]
            assert time.monotonic() < deadline, "it did not come to be"
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends all of it, with what jobs have left."""
        with contextlib.suppress(AssertionError):
            self.run("scancel", "-u", "root", "-f")
            self.until(lambda: not self.run("squeue", "-h"), 20)
        self.kill_controller()
        for node in ("n1", "n2"):
            self.kill_node(node)
        self._kill("munge/pid")


@contextlib.contextmanager
def slurm_cluster(folder: Path) -> Iterator[SlurmCluster]:
    """One that runs as long as it is used."""
    cluster = SlurmCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


if __name__ == "__main__":
    # The folder's name is short: a socket's path has about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="slurm-") as made, slurm_cluster(Path(made)) as running:
        print(running.conf, flush=True)
        sys.stdin.read()
