"""The loss on the rows that are set aside, while a training goes on, and when it is to end for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..base.session import Session
from ..data.prepared import PreparedRows
from ..data.rows import IGNORED
from .ranks.together import Together

KEY = "holdout_loss"
"""In events, in `loss.jsonl` and in what a checkpoint remembers."""


@torch.no_grad()
def mean_loss(model: Any, rows: PreparedRows, device: str, together: Together) -> float:  # noqa: ANN401
    """The mean over all tokens that are in the loss, row by row: no padding, no packing.

    Several processes share the rows. Each asks its model as often as the others: weights that are split among them
    come together for that.
    """
    trains = model.training
    model.eval()
    total, count = 0.0, 0
    world = together.rank.world
    for first in range(0, len(rows), world):
        place = first + together.rank.number
        ids, labels = rows.row(min(place, len(rows) - 1))
        trained = sum(label != IGNORED for label in labels[1:]) if place < len(rows) else 0
        loss = model(input_ids=torch.tensor([ids], device=device), labels=torch.tensor([labels], device=device)).loss
        total += loss.item() * trained
        count += trained
    model.train(trains)
    losses, counts = zip(*together.all((total, count)), strict=True)
    mean: float = sum(losses) / max(sum(counts), 1)
    return mean


def losses_of(state: TrainerState) -> dict[int, float]:
    """What was measured so far, by step: a checkpoint remembers it, so that a resume decides as a whole run would."""
    return {entry["step"]: entry[KEY] for entry in state.log_history if KEY in entry}


def is_exhausted(losses: Sequence[float], patience: int | None) -> bool:
    """Whether none of the last `patience` losses is lower than the lowest before them."""
    if patience is None or len(losses) <= patience:
        return False
    return min(losses[-patience:]) >= min(losses[:-patience])


def is_over(state: TrainerState, patience: int | None) -> bool:
    """Whether nothing is left to do: all steps are taken, or it has ended early."""
    return state.global_step >= state.max_steps or is_exhausted(list(losses_of(state).values()), patience)


class Evaluator(TrainerCallback):
    """Measures every so many steps, and ends the training when it has not got better for long enough."""

    def __init__(
        self, session: Session, together: Together, rows: PreparedRows, every: int, patience: int | None, device: str
    ) -> None:
        self._session = session
        self._together = together
        self._rows = rows
        self._every = every
        self._patience = patience
        self._device = device

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: object
    ) -> TrainerControl:
        """Called by the Trainer before it logs and saves the step."""
        if state.global_step % self._every:
            return control
        loss = mean_loss(known["model"], self._rows, self._device, self._together)
        state.log_history.append({"step": state.global_step, KEY: loss})
        self._session.event("metric", step=state.global_step, total_steps=state.max_steps, **{KEY: loss})
        if state.global_step < state.max_steps and is_over(state, self._patience):
            self._session.log(
                f"ends at step {state.global_step}: the loss on what is set aside was no lower {self._patience} times"
            )
            control.should_save = control.should_training_stop = True
        return control
