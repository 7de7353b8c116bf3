"""One program of a job while it runs: as a process, in a container, or once on each node."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

from ..base.files import make_folder, read_json, write_json
from ..base.network import free_port, own_address
from ..base.processes import MARK, die_with, mark_of, send
from ..queues import slurm
from . import containers
from .folder import Attempt
from .secrets_file import forget_all
from .spec import Spec, Step, fill_launch

_AGENT = Path(__file__).resolve().parent.parent


class Plan(TypedDict):
    """What starting a step takes, on whatever node. Paths are absolute."""

    attempt: str
    step: Step
    work: str
    nodes: int
    master: str
    port: int
    secrets: dict[str, str]


class Program:
    """A step that is started."""

    def __init__(self, attempt: Attempt, step: Step, work: Path, secrets: dict[str, str]) -> None:
        self._attempt = attempt
        self._spec = attempt.spec
        self._step = step
        self._work = work
        self._secrets = secrets
        self._nodes = int(os.environ.get("SLURM_NNODES", "1")) if step["launch"] == "per-node" else 1
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> int | None:
        """Starts it; what it would have exited with if that fails. Throws `AgentError`."""
        plan: Plan = {
            "attempt": str(self._attempt.folder),
            "step": self._step,
            "work": str(self._work),
            "nodes": self._nodes,
            "master": own_address() if self._nodes > 1 else "127.0.0.1",
            "port": free_port() if self._nodes > 1 else 0,
            "secrets": self._secrets,
        }
        self.clean()
        argv, environment = self._on_all_nodes(plan) if self._nodes > 1 else on_this_node(plan, 0)
        supervisor = os.getpid()
        with self._attempt.log.open("ab") as log:
            try:
                self._child = subprocess.Popen(
                    argv,
                    cwd=self._work,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: die_with(supervisor),
                )
            except OSError as error:
                log.write(f"{argv[0]}: {error.strerror}\n".encode())
                return 127 if isinstance(error, FileNotFoundError) else 126
        return None

    def _on_all_nodes(self, plan: Plan) -> tuple[list[str], dict[str, str]]:
        shutil.rmtree(self._codes, ignore_errors=True)
        make_folder(self._codes)
        file = self._attempt.folder / "node.json"
        write_json(file, plan)
        argv = ["srun", f"--nodes={self._nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1", "--wait=60"]
        argv += ["--export=ALL", "--unbuffered", f"--input={file}", sys.executable, "-I", str(_AGENT), "node"]
        if "SLURM_CPUS_PER_TASK" in os.environ:
            # From 22.05 on srun does not take it over, and a program would have one core.
            argv.insert(1, f"--cpus-per-task={os.environ['SLURM_CPUS_PER_TASK']}")
        slurms = {name: value for name, value in os.environ.items() if name.startswith("SLURM")}
        slurms.pop("SLURM_EXPORT_ENV", None)
        inherited = {name: os.environ[name] for name in self._spec["inherit"] if name in os.environ}
        return argv, {**inherited, **slurms, "PATH": slurm.path()}

    @property
    def _codes(self) -> Path:
        return self._attempt.folder / "codes"

    def poll(self) -> int | None:
        """What it exited with, once it has: 128 and more is a signal."""
        code = None if self._child is None else self._child.poll()
        if code is None:
            return None
        if code != 0 and self._nodes > 1:
            code = self._first_code() or code
        return code if code >= 0 else 128 - code

    def _first_code(self) -> int | None:
        """That of the node whose program ended badly first; those of the others only follow from it."""
        bad = [(file.stat().st_mtime_ns, read_json(file)["code"]) for file in self._codes.glob("*.json")]
        return next((code for _, code in sorted(bad) if code != 0), None)

    def stop(self) -> None:
        """Tells it to save what it has."""
        if self._nodes > 1:
            # srun itself would abort all of it.
            slurm.signal_steps(int(os.environ["SLURM_JOB_ID"]), "TERM")
        else:
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._child is None:
            return
        try:
            os.killpg(self._child.pid, number)
        except ProcessLookupError:
            send([self._child.pid], number)

    def clean(self) -> None:
        """Removes what it leaves behind that is no process of ours."""
        container = self._spec["container"]
        if container is not None:
            containers.remove(container["engine"], containers.name_of(self._spec["key"], self._step["name"]))
        forget_all(self._attempt)


def on_this_node(plan: Plan, node: int) -> tuple[list[str], dict[str, str]]:
    """The argv and the environment of a step on one node. Throws `AgentError` of a container."""
    attempt = Attempt(Path(plan["attempt"]))
    spec: Spec = attempt.spec
    values = {"node": node, "nodes": plan["nodes"], "master": plan["master"], "master_port": plan["port"]}
    step: Step = fill_launch(plan["step"], values)
    secrets = plan["secrets"]
    mark = mark_of(spec["key"], attempt.number)
    inherited = {name: os.environ[name] for name in spec["inherit"] if name in os.environ}
    env = {**inherited, **spec["env"], **step["env"]}
    container = spec["container"]
    if container is None:
        return step["argv"], {**env, **secrets, MARK: mark}
    inside = containers.Inside(
        name=containers.name_of(spec["key"], step["name"]),
        argv=step["argv"],
        env={**spec["env"], **step["env"], **_visible_gpus()},
        secrets=secrets,
        work=Path(plan["work"]),
        documents=attempt.documents,
        events=attempt.events,
        inputs=list(spec["inputs"].values()),
        mark=mark,
        network=spec["service"] is not None,
        grace_seconds=spec["grace_seconds"],
    )
    return containers.wrap(container, inside), containers.environment(container, inside)


def _visible_gpus() -> dict[str, str]:
    """Those that a cluster has given to the job."""
    name = "CUDA_VISIBLE_DEVICES"
    return {name: os.environ[name]} if name in os.environ else {}


def run_node(plan: Plan) -> int:
    """
    Runs the program of one node, started by `srun`, and notes what it exits with.

    Told to stop, it waits: the queue's signal reaches the program too.
    """
    node = int(os.environ["SLURM_NODEID"])
    attempt = Attempt(Path(plan["attempt"]))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        signal.signal(number, lambda *_: None)
    argv, environment = on_this_node(plan, node)
    parent = os.getpid()
    child = subprocess.Popen(argv, cwd=plan["work"], env=environment, preexec_fn=lambda: die_with(parent))
    code = child.wait()
    code = code if code >= 0 else 128 - code
    write_json(attempt.folder / "codes" / f"{node}.json", {"node": node, "code": code})
    return code
