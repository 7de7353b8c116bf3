"""The average of the last checkpoints' weights, a few rows at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import TrainerState

from ...base.errors import TrainerError
from ...base.files import remove
from ...base.session import Session
from ...jobs import TrainJob
from ...merging.adapters import CONFIG, WEIGHTS
from ...models.checkpoints import Checkpoint, flaw
from ...models.soundness import UnsoundError
from ...models.weight_files import rows_of, stored_weights, write_weights
from ..careful import CarefulTrainer

BLOCK = 1 << 21
"""Numbers that are averaged at once, in float64: 16 MiB."""


def averaged_steps(job: TrainJob, last: int) -> list[int]:
    """The steps whose weights are averaged in a training that ends with step `last`.

    Those of the schedule: what a signal has saved in between is not among them, so that a stop changes nothing.
    """
    if job.average_checkpoints is None:
        return []
    scheduled = list(range(job.save_every_steps, last, job.save_every_steps))
    return [*scheduled, last][-job.average_checkpoints :]


def require_checkpoints(
    job: TrainJob, trainer: CarefulTrainer, found: Checkpoint | None, root: Path, identity: str
) -> None:
    """Throws `trainer/too-few-checkpoints` if the training cannot end with all that are to be averaged."""
    if job.average_checkpoints is None:
        return
    if trainer.args.world_size > 1:
        raise TrainerError("too-few-checkpoints", "checkpoints of several processes are not averaged", "use one GPU")
    last = trainer.last_step()
    steps = averaged_steps(job, last)
    if len(steps) < job.average_checkpoints:
        raise TrainerError(
            "too-few-checkpoints",
            f"{job.average_checkpoints} checkpoints are to be averaged, and {last} steps with one every "
            f"{job.save_every_steps} leave {len(steps)}",
            "lower save_every_steps",
        )
    require_whole(steps, found, root, identity)


def require_whole(steps: list[int], found: Checkpoint | None, root: Path, identity: str) -> None:
    """Throws `trainer/too-few-checkpoints` if one that an earlier run has made, up to `found`, is not what it was.

    A training that ends early averages others than it was meant to, so they are looked at again when they are read.
    """
    for step in steps:
        if found is None or step > found.step:
            continue
        problem = flaw(root / f"checkpoint-{step}", identity)
        if problem is not None:
            raise TrainerError(
                "too-few-checkpoints",
                f"the checkpoint of step {step} is to be averaged, and {problem}",
                f"remove {root}, and run again: it trains from the beginning",
            )


def put_average_into(trainer: CarefulTrainer, state: TrainerState, folders: list[Path], session: Session) -> None:
    """Gives the model that was trained the average of what these checkpoints hold, and looks at it.

    Throws `trainer/average-unsound`.
    """
    averaged = session.work / "averaged"
    remove(averaged)
    averaged.mkdir()
    _write_average(folders, averaged, session)
    trainer.load_weights(averaged)
    remove(averaged)
    steps = ", ".join(folder.name.rpartition("-")[2] for folder in folders)
    try:
        trainer.check_weights(state.global_step)
        trainer.check_end(state)
    except UnsoundError as error:
        raise TrainerError(
            "average-unsound",
            f"the average of the weights after steps {steps} is worth nothing: {error.message}",
            "average fewer checkpoints, or none",
        ) from error
    session.log(f"the weights are the average of those after steps {steps}")


def _write_average(folders: list[Path], target: Path, session: Session) -> None:
    is_adapter = (folders[0] / WEIGHTS).exists()
    parts = [_adapter(folder) if is_adapter else stored_weights(folder) for folder in folders]
    planned = {
        name: torch.empty(part.get_shape(), dtype=part[0:0].dtype, device="meta") for name, part in parts[0].items()
    }

    def average(name: str) -> Iterator[torch.Tensor]:
        for rows in rows_of(list(planned[name].shape), BLOCK):
            # In float64 the order does not matter, and nothing is lost.
            total = sum(part[name][rows].double() for part in parts)
            yield (total / len(parts)).to(planned[name].dtype)

    def written(_done: int, _total: int) -> None:
        session.stop.check()

    if is_adapter:
        write_weights(target, planned, average, written, most="1TB", pattern="adapter_model{suffix}.safetensors")
    else:
        write_weights(target, planned, average, written)
    for name in (CONFIG, "config.json"):
        if (folders[-1] / name).exists():
            shutil.copyfile(folders[-1] / name, target / name)


def _adapter(folder: Path) -> dict[str, Any]:
    file: Any = safe_open(folder / WEIGHTS, framework="pt")
    return {name: file.get_slice(name) for name in list(file.keys())}
