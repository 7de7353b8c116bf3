"""How a tiny model is trained: step by step, with checkpoints, from a schedule that the seed alone decides."""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file

from ..base.errors import StoppedError
from ..base.files import remove, sha256_json, sha256_of
from ..base.session import Session
from ..base.tools import tool_versions
from ..data.rows import IGNORED
from ..jobs import TinyJob
from ..models.checkpoints import newest_valid, prune, seal
from ..models.soundness import check_step, check_weights

WARMUP_STEPS = 5
TEXT_SHARE_OF_STEPS = 0.3
"""The texts are mixed in during this first part of the training; the rest belongs to the rows."""


@dataclass(frozen=True)
class Sequence:
    """What is read, and what is to be learnt of it: one label for each id."""

    ids: list[int]
    labels: list[int]


def make_schedule(rows: int, texts: int, steps: int, batch_size: int, seed: int) -> list[list[int]]:
    """The batch of each step as indices into rows + texts: a function of the seed alone, so a resume knows it too."""
    shuffler = random.Random(seed)  # noqa: S311 - a schedule, not a secret

    def endless(first: int, count: int) -> Any:  # noqa: ANN401
        while True:
            order = list(range(first, first + count))
            shuffler.shuffle(order)
            yield from order

    row, text = endless(0, rows), endless(rows, texts)
    with_texts = math.ceil(steps * TEXT_SHARE_OF_STEPS) if texts else 0
    return [
        [next(text) if step < with_texts and place % 2 else next(row) for place in range(batch_size)]
        for step in range(steps)
    ]


def _rate(step: int, steps: int, peak: float) -> float:
    if step < WARMUP_STEPS:
        return peak * (step + 1) / WARMUP_STEPS
    done = (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


class _Training:
    """Weights, optimiser and losses after a number of steps."""

    def __init__(self, job: TinyJob, model: Any, probe: Sequence) -> None:  # noqa: ANN401
        self.model = model
        self.probe = probe
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=job.learning_rate, weight_decay=0.0, fused=True)
        self.losses: list[float] = []

    @torch.no_grad()
    def check(self) -> None:
        """Throws `trainer/weights-not-finite` if what the last step has left is worth nothing."""
        check_weights(len(self.losses), self.model.named_parameters(), _loss(self.model, [self.probe]).item())

    def save(self, folder: Path, identity: str) -> None:
        self.check()
        remove(folder)
        folder.mkdir(parents=True)
        save_file(self.model.state_dict(), folder / "model.safetensors")
        torch.save(self.optimizer.state_dict(), folder / "optimizer.pt")
        (folder / "losses.json").write_text(json.dumps(self.losses))
        seal(folder, identity)

    def load(self, folder: Path) -> None:
        self.model.load_state_dict(load_file(folder / "model.safetensors"))
        self.optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
        self.losses = json.loads((folder / "losses.json").read_bytes())


def train_tiny(
    job: TinyJob,
    session: Session,
    model: Any,  # noqa: ANN401
    sequences: list[Sequence],
    schedule: list[list[int]],
) -> tuple[int | None, list[float]]:
    """Trains to the end; returns the step that it continued from, if any, and the loss of each step."""
    training = _Training(job, model, sequences[0])
    root, identity = session.work / "checkpoints", _identity(job)
    found, problems = newest_valid(root, identity)
    for problem in problems:
        session.log(problem)
    if found is not None:
        training.load(found.folder)
    began = time.monotonic()
    model.train()
    for step in range(len(training.losses), job.steps):
        if session.stop.is_set:
            training.save(root / f"checkpoint-{step}", identity)
            raise StoppedError(step)
        step_began = time.monotonic()
        rate = _rate(step, job.steps, job.learning_rate)
        loss, norm, tokens = _step(training, [sequences[index] for index in schedule[step]], rate)
        check_step(step + 1, loss, norm)
        training.losses.append(loss)
        now = time.monotonic()
        session.event(
            "metric",
            step=step + 1,
            total_steps=job.steps,
            loss=loss,
            learning_rate=rate,
            grad_norm=norm,
            tokens_per_second=round(tokens / (now - step_began), 1),
            seconds=round(now - began, 3),
        )
        if (step + 1) % job.save_every_steps == 0 and step + 1 < job.steps:
            training.save(root / f"checkpoint-{step + 1}", identity)
            prune(root, keep=2)
    training.check()
    model.eval()
    return found.step if found else None, training.losses


def _identity(job: TinyJob) -> str:
    """Changes with everything that changes the result, and with nothing else."""
    places = {"work", "output", "events", "lifeline", "threads", "rows", "texts", "save_every_steps"}
    meaning = job.model_dump(exclude=places)
    data = [sha256_of(Path(path)) for path in [job.rows, *job.texts]]
    return sha256_json([meaning, data, tool_versions()])


def _step(training: _Training, batch: list[Sequence], rate: float) -> tuple[float, float, int]:
    """One update; returns loss, gradient norm and tokens read."""
    loss = _loss(training.model, batch)
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)
    for group in training.optimizer.param_groups:
        group["lr"] = rate
    training.optimizer.step()
    return loss.item(), norm.item(), sum(len(sequence.ids) for sequence in batch)


def _loss(model: Any, batch: list[Sequence]) -> torch.Tensor:  # noqa: ANN401
    # One after the other in a single row, which saves the padding: the positions tell attention where each begins.
    ids = torch.tensor([[token for sequence in batch for token in sequence.ids]])
    positions = torch.tensor([[place for sequence in batch for place in range(len(sequence.ids))]])
    labels = torch.tensor([[label for sequence in batch for label in [*sequence.labels[1:], IGNORED]]])
    hidden = model.model(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
    wanted = labels != IGNORED
    return functional.cross_entropy(model.lm_head(hidden[wanted]), labels[wanted])
