"""What decides a training's bytes beside its job: what the machine has, where the job leaves it open.

How many processes there are, how they share the work, on what kind of device they compute and by which attention. Each
checkpoint says what it was made with, and whoever goes on from it does so in the same way or not at all. The model of
a card is not among it: after a pre-emption another one may come, and its last bits may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...base.errors import TrainerError
from ...jobs import TrainJob
from ...models.checkpoints import newest_marked
from ..asked.requirements import attention_of
from ..ranks.parallel import Strategy


@dataclass(frozen=True)
class Begun:
    """Where a training's checkpoints are, and what they say of where they belong."""

    root: Path
    identity: str
    made: Mapping[str, Any]


def made_with(job: TrainJob, processes: int, strategy: Strategy, device: str) -> dict[str, Any]:
    """What a checkpoint of this training says of that."""
    return {
        "processes": processes,
        "strategy": strategy,
        "device": device,
        "attention": attention_of(job, device),
    }


def as_begun(job: TrainJob, root: Path, identity: str, processes: int, device: str) -> TrainJob:
    """The job with what it leaves open as its newest checkpoint has it: another card may make another choice.

    Throws `trainer/other-ranks` and `trainer/other-machine` where that cannot be; the checkpoint stays.
    """
    found = newest_marked(root, identity)
    if found is None:
        return job
    checkpoint, made = found
    if made["processes"] != processes:
        raise TrainerError(
            "other-ranks",
            f"the checkpoint of step {checkpoint.step} was made by {made['processes']} processes, "
            f"and there are {processes}",
            f"run it with {made['processes']} again, or begin anew without {root}",
        )
    here = {"device": device, "attention": attention_of(job, device)}
    # PyTorch's own attention is everywhere; flash-attn is not.
    missing = ["device", "attention"] if made["attention"] == "flash_attention_2" else ["device"]
    for what in missing:
        if made[what] != here[what]:
            raise TrainerError(
                "other-machine",
                f"the checkpoint of step {checkpoint.step} was made with the {what} {made[what]}, "
                f"and this machine would go on with {here[what]}",
                f"run it where there is {made[what]} again, or begin anew without {root}",
            )
    taken: dict[str, Any] = {"attention": made["attention"]}
    if job.parallel.strategy == "auto" and made["strategy"] != "alone":
        taken["parallel"] = job.parallel.model_copy(update={"strategy": made["strategy"]})
    return job.model_copy(update=taken)
