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
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.conversion_mapping import get_checkpoint_conversion_mapping

from secpi_trainers.__main__ import main
from secpi_trainers.base.rank import LAUNCHER
from secpi_trainers.base.session import Session
from secpi_trainers.data import prepared
from secpi_trainers.models.checkpoints import seal
from secpi_trainers.training import backends
from secpi_trainers.training.careful import CarefulTrainer
from secpi_trainers.training.kept import begun
from secpi_trainers.training.watched import callbacks
from secpi_trainers.training.watched.evaluation import HeldOut

PARTS = {
    "": [
        "secpi_trainers.training.train",
        # What a training imports on its way: the model of these tests, and what it saves parts of weights with.
        "transformers.models.qwen2.modeling_qwen2",
        "peft.utils.transformers_weight_conversion",
        "torch.distributed.algorithms.ddp_comm_hooks.default_hooks",
        "torch.distributed.checkpoint.state_dict",
    ],
    "axolotl": ["axolotl.cli.config", "axolotl.train", "axolotl.core.builders", "axolotl.core.trainers"],
    # The second one brings all of torch's compiler along, which nothing here uses: three times what the rest takes.
    "deepspeed": ["deepspeed", "deepspeed.runtime.zero.muon.muon_optimizer", "deepspeed.ops.op_builder.all_ops"],
}
"""What is imported once for all that are forked, if there is the package that it belongs to."""
for package, parts in PARTS.items():
    for part in parts if package == "" or find_spec(package) else ():
        import_module(part)
# Half a thousand regular expressions, kept from the first model on that is loaded.
get_checkpoint_conversion_mapping("qwen2")

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


def signal_in_evaluation(rank: int, call: int, number: int) -> None:
    """One process gets a signal when it measures for the n-th time."""
    measure, count = HeldOut._loss, 0

    def counted(*arguments: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        if count == call and int(os.environ["RANK"]) == rank:
            os.kill(os.getpid(), number)
        return measure(*arguments)

    patch(HeldOut, "_loss", counted)


def signal_at_row(rank: int, row: int, number: int) -> None:
    """One process gets a signal when it reads the n-th row, and says so should it read on."""
    check, count = prepared._checked, 0

    def counted(*arguments: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        assert count <= row, "it reads on"
        if count == row and int(os.environ["RANK"]) == rank:
            os.kill(os.getpid(), number)
        return check(*arguments)

    patch(prepared, "_checked", counted)


def another_choice(strategy: str, attention: str, *stopped: int) -> None:
    """The machine has another card, where `auto` comes to something else; maybe `signal_at_batch` besides."""
    if stopped:
        signal_at_batch(*stopped)
    patch(backends, "strategy_of", lambda *_: strategy)
    for module in (backends, begun):
        patch(module, "attention_of", lambda *_: attention)


def spoil_while_sealing(step: int) -> None:
    """The weights are no numbers any more when that step is to be saved, and the checkpoint before is still marked."""
    save, spoilt = CarefulTrainer._save_checkpoint, threading.Event()

    def late(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        assert spoilt.wait(60)
        time.sleep(0.5)
        seal(*arguments, **options)

    def spoiling(trainer: CarefulTrainer, *arguments: Any) -> Any:  # noqa: ANN401
        if trainer.state.global_step == step:
            next(item for item in trainer.model.parameters() if item.requires_grad).data.fill_(float("nan"))
            spoilt.set()
        return save(trainer, *arguments)

    patch(callbacks, "seal", late)
    patch(CarefulTrainer, "_save_checkpoint", spoiling)


FAULTS: dict[str, Callable[..., None]] = {
    "signal_at_batch": signal_at_batch,
    "kill_all_at_event": kill_all_at_event,
    "seal_after_step": seal_after_step,
    "spoil_before_save": spoil_before_save,
    "signal_in_evaluation": signal_in_evaluation,
    "signal_at_row": signal_at_row,
    "another_choice": another_choice,
    "spoil_while_sealing": spoil_while_sealing,
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
    # What has been imported stays: garbage is collected at each checkpoint, in copies of all of it.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)
