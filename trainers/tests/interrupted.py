"""What a stop or a kill must not change, whichever backend trains."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer

from secpi_trainers.models.checkpoints import checkpoints

from .points import Point
from .support import Job, digests, run

ACCUMULATED: dict[str, Any] = {"steps": 3, "save_every_steps": 2, "batch_size": 1, "gradient_accumulation": 3}
"""With six rows: three micro-batches a step, and two steps an epoch."""


def assert_a_stop_changes_nothing(job: Job, whole: Job, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops a training of that shape in its n-th micro-batch, and goes on; `whole` was not stopped."""
    step, count = Trainer.training_step, 0

    def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        if count == batch:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "training_step", counted)
        code = run("train", job)
    # The very micro-batch in which the signal came is the last one.
    assert count == batch
    assert (code, job.result["outcome"]) == ((0, "done") if batch == 9 else (75, "stopped"))
    assert run("train", job) == 0
    assert job.result["resumed_from"] == (batch // 3 or None)
    assert digests(job.output) == digests(whole.output)
    assert steps_of_optimiser(job) == {3}


def assert_a_kill_changes_nothing(states: list[Point], whole: Job, again: Callable[[Path], Job]) -> None:
    """Goes on from each state of the disk; `again` writes the job of a folder."""
    expected, steps = digests(whole.output), whole.result["steps"]
    assert steps_of_optimiser(whole) == {steps}
    for state in states:
        job = again(state.folder)
        assert run("train", job) == 0, f"{state.name}: {job.result}"
        assert digests(job.output) == expected, state.name
        assert (job.result["steps"], steps_of_optimiser(job)) == (steps, {steps}), state.name


def steps_of_optimiser(job: Job) -> set[int]:
    """How often the optimiser of the newest checkpoint has stepped."""
    newest = checkpoints(job.work / "checkpoints")[0].folder
    state = torch.load(newest / "optimizer.pt", weights_only=True)["state"]
    return {int(parameter["step"]) for parameter in state.values()}
