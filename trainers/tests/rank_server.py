"""Runs the processes of a training for tests: forks them where everything is imported, which takes 5 seconds a process.

What a launcher of ours says by the environment is said here too. Reads jobs from stdin, a line of JSON each; answers
with the exit codes. A fault is one of the functions below, called in each process before it begins.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from secpi_trainers.__main__ import main
from secpi_trainers.base.rank import LAUNCHER
from secpi_trainers.base.session import Session
from secpi_trainers.models.checkpoints import seal
from secpi_trainers.training import callbacks
from secpi_trainers.training.careful import CarefulTrainer

PARTS = ["axolotl.cli.config", "axolotl.train", "axolotl.core.builders", "axolotl.core.trainers"]
for part in ["secpi_trainers.training.train", *(PARTS if find_spec("axolotl") else ())]:
    import_module(part)

patch = setattr
"""For good: the process that does so runs one job."""


def signal_at_batch(rank: int, batch: int, number: int) -> None:
    """One process gets a signal in its n-th micro-batch."""
    step, count = Trainer.training_step, 0

    def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        if count == batch and int(os.environ["RANK"]) == rank:
            os.kill(os.getpid(), number)
        return step(*arguments, **options)

    patch(Trainer, "training_step", counted)


def kill_all_at_event(event: int) -> None:
    """All of them are killed when the first one reports something for the n-th time."""
    report, count = Session.event, 0

    def counted(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
        nonlocal count
        report(session, kind, **values)
        count += 1
        if count == event and session.rank.is_first:
            os.killpg(0, signal.SIGKILL)

    patch(Session, "event", counted)


def seal_after_step(step: int) -> None:
    """The first checkpoint is marked only once a later step is reported: if that waits for it, it never ends."""
    report, seen = Session.event, threading.Event()

    def late(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        assert seen.wait(60), "the training waits for the mark of a checkpoint"
        seal(*arguments, **options)

    def watched(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
        report(session, kind, **values)
        if values.get("step") == step:
            seen.set()

    patch(callbacks, "seal", late)
    patch(Session, "event", watched)


def spoil_before_save(rank: int, step: int) -> None:
    """The weights of one process are no numbers any more when that step is to be saved."""
    save = CarefulTrainer._save_checkpoint

    def spoilt(trainer: CarefulTrainer, *arguments: Any) -> Any:  # noqa: ANN401
        if trainer.state.global_step == step and int(os.environ["RANK"]) == rank:
            _spoil(next(item for item in trainer.model.parameters() if item.requires_grad))
        return save(trainer, *arguments)

    patch(CarefulTrainer, "_save_checkpoint", spoilt)


def _spoil(item: Any) -> None:  # noqa: ANN401
    """A parameter, or what is trained instead with ZeRO-3: the part that this process keeps."""
    if not hasattr(item, "ds_numel"):
        item.data.fill_(float("nan"))
        return
    from deepspeed.utils import safe_get_local_fp32_param, safe_set_local_fp32_param

    safe_set_local_fp32_param(item, torch.full_like(safe_get_local_fp32_param(item), float("nan")))


FAULTS: dict[str, Callable[..., None]] = {
    "signal_at_batch": signal_at_batch,
    "kill_all_at_event": kill_all_at_event,
    "seal_after_step": seal_after_step,
    "spoil_before_save": spoil_before_save,
}


def _rank(number: int, world: int, port: int, job: str, fault: list[Any]) -> int:
    os.setpgid(0, 0 if number == 0 else _first[0])
    os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number), LAUNCHER: str(os.getppid())}
    os.environ |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    log = os.open(Path(job).with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if fault:
        FAULTS[fault[0]](*fault[1:])
    return main(["train", "--job", job])


_first: list[int] = []


def _run(world: int, job: str, fault: list[Any]) -> list[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _first.clear()
    for number in range(world):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _rank(number, world, port, job, fault)
            finally:
                os._exit(code)
        os.setpgid(pid, _first[0] if _first else pid)
        _first.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in _first]


if __name__ == "__main__":
    if find_spec("deepspeed"):
        import deepspeed  # noqa: F401 - once, for all that are forked
    # What has been imported stays: garbage is collected at each checkpoint, in copies of all of it.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)
