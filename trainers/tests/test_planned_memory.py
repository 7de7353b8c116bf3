"""What `secpi plan` says of memory is what a real training takes: counted tensor by tensor, at three small shapes.

`planned_memory.json` holds shapes, settings and what the planner says of them; tests/stages/train/estimate holds it
against the planner. What is counted here includes everything that TRL, transformers, PEFT and autocast make.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, TrainerCallback, TrainerControl, TrainerState

from secpi_trainers.base.errors import StoppedError
from secpi_trainers.models.loading import copy_companions
from secpi_trainers.training.trainer import Trainer

from .allocations import Allocations
from .support import Job, run, write_lines
from .test_train import train_job

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("planned_memory.json").read_text())
TOLERANCE = 0.1
COUNTS = 0.05
"""Parts that are less than this share of all are looked at in the sum alone."""
STEPS = 2
"""In the first the optimiser has nothing to remember yet."""
KNOWN_IDS = 300


def model_of(config: dict[str, Any], folder: Path, companions: Path, dtype: torch.dtype) -> Path:
    """A model folder of that shape, with random weights."""
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    model.to(dtype).save_pretrained(folder)
    copy_companions(companions, folder)
    return folder


def rows_of(training: dict[str, Any], path: Path) -> Path:
    """As long as may be; in a batch of several each is one token shorter, so that something is padded."""
    rows = []
    for number in range(STEPS * training["accumulation"] * training["batchSize"]):
        shorter = number if training["batchSize"] > 1 else 0
        ids = [(7 * place + number) % KNOWN_IDS for place in range(training["tokens"] - shorter)]
        prompt = len(ids) // 4
        rows.append({"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    write_lines(path, rows)
    return path


def job_of(case: dict[str, Any], base: Path, folder: Path) -> Job:
    training = case["training"]
    dtype = torch.bfloat16 if training["dtype"] == "bfloat16" and training["method"] != "full" else torch.float32
    settings = {key: training[key] for key in ("method", "dtype", "loss", "optimizer", "packing", "attention")}
    return train_job(
        model_of(case["config"], folder / "model", base, dtype),
        rows_of(training, folder / "prepared.jsonl"),
        folder,
        **settings,
        lora=training["lora"] | {"alpha": 16},
        max_tokens=training["tokens"],
        batch_size=training["batchSize"],
        gradient_accumulation=training["accumulation"],
        gradient_checkpointing=training["gradientCheckpointing"],
        learning_rate=1e-4,
        warmup_steps=0,
        steps=STEPS,
        save_every_steps=100,
    )


class Watch(TrainerCallback):
    """Counts the second step only."""

    def __init__(self, allocations: Allocations) -> None:
        self._allocations = allocations
        self.peak: dict[str, int] = {}

    def on_step_end(self, _args: object, state: TrainerState, _control: TrainerControl, **kwargs: Any) -> None:  # noqa: ANN401
        if state.global_step == STEPS:
            self.peak = dict(self._allocations.peak)
        else:
            self._allocations.begin(kwargs["optimizer"])


def measured(job: Job, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The parts of a training's memory at its peak."""
    watches: list[Watch] = []
    train_on = Trainer.train_on

    def watched(trainer: Trainer, *rest: Any) -> TrainerState:  # noqa: ANN401
        allocations = Allocations(trainer.model)
        watches.append(Watch(allocations))
        trainer.add_callback(watches[0])
        with allocations:
            train_on(trainer, *rest)
        raise StoppedError

    monkeypatch.setattr(Trainer, "train_on", watched)
    assert run("train", job) == 75, job.result
    return watches[0].peak


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_step_takes_what_was_planned(
    case: dict[str, Any], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = {part: case["parts"][part] for part in ("weights", "gradients", "optimizer", "logits")}
    planned["rest"] = case["parts"]["activations"] + case["parts"]["buffers"]
    found = measured(job_of(case, base, tmp_path), monkeypatch)
    total = sum(found.values())
    assert sum(planned.values()) == pytest.approx(total, rel=TOLERANCE)
    for part, size in planned.items():
        there = found.get(part, 0)
        if max(size, there) > COUNTS * total:
            assert size == pytest.approx(there, rel=TOLERANCE), part
