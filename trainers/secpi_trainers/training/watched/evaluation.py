"""The loss on the rows that are set aside, while a training goes on, and when it is to end for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ...base.errors import StoppedError
from ...base.session import Session, StopFlag
from ...data.prepared import PreparedRows
from ...data.rows import IGNORED
from ..ranks.together import Together
from .callbacks import Reporter
from .liger import loss_alone

KEY = "holdout_loss"
"""In events, in `loss.jsonl` and in what a checkpoint remembers."""


class HeldOut:
    """The rows that are set aside, and how a model is measured on them by all processes together."""

    def __init__(
        self,
        rows: PreparedRows,
        device: str,
        together: Together,
        stop: StopFlag,
        computing: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._rows = rows
        self._device = device
        self._together = together
        self._stop = stop
        self._computing = computing
        """In what the Trainer computes."""

    @torch.no_grad()
    def mean_loss(self, model: Any) -> float:  # noqa: ANN401
        """The mean over all tokens that are in the loss, row by row: no padding, no packing.

        Several processes share the rows. Each asks its model as often as the others: weights that are split among them
        come together for that. Throws `StoppedError` in all of them, between two rows, when one was told to stop.
        """
        trains = model.training
        model.eval()
        try:
            total, count = self._sums(model)
        finally:
            model.train(trains)
        losses, counts = zip(*self._together.all((total, count)), strict=True)
        mean: float = sum(losses) / max(sum(counts), 1)
        return mean

    def _sums(self, model: Any) -> tuple[float, int]:  # noqa: ANN401
        total, count = 0.0, 0
        world = self._together.rank.world
        for first in range(0, len(self._rows), world):
            if self._together.any(self._stop.is_set):
                raise StoppedError
            place = first + self._together.rank.number
            ids, labels = self._rows.row(min(place, len(self._rows) - 1))
            trained = sum(label != IGNORED for label in labels[1:]) if place < len(self._rows) else 0
            loss = self._loss(model, ids, labels)
            total += loss * trained
            count += trained
        return total, count

    def _loss(self, model: Any, ids: list[int], labels: list[int]) -> float:  # noqa: ANN401
        given, wanted = (torch.tensor([part], device=self._device) for part in (ids, labels))
        with self._computing():
            loss: float = model(input_ids=given, labels=wanted, **loss_alone(model)).loss.item()
        return loss


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


class NothingLeftError(Exception):
    """An evaluation that was made up for has ended the training, before a step was taken."""


class Evaluator(TrainerCallback):
    """Measures every so many steps, and ends the training when it has not got better for long enough.

    A measurement that is broken off is due still when the checkpoint of that step is gone on with, and is made then.
    """

    def __init__(
        self, session: Session, held_out: HeldOut, every: int, patience: int | None, reporter: Reporter
    ) -> None:
        self._session = session
        self._held_out = held_out
        self._every = every
        self._patience = patience
        self._reporter = reporter

    def make_up(self, state: TrainerState, model: Any) -> None:  # noqa: ANN401
        """Measures what is due of the last step that was taken, if anything. Throws `StoppedError`."""
        step = state.global_step
        if step == 0 or step % self._every or step in losses_of(state):
            return
        loss = self._held_out.mean_loss(model)
        state.log_history.append({"step": step, KEY: loss})
        self._session.event("metric", step=step, total_steps=state.max_steps, **{KEY: loss})
        if step < state.max_steps and is_over(state, self._patience):
            self._session.log(f"ends at step {step}: the loss on what is set aside was no lower {self._patience} times")

    def on_train_begin(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **known: object
    ) -> None:
        """Called when a checkpoint is loaded, if there is one. Throws `NothingLeftError`: the Trainer would take a step
        in any case.
        """
        self.make_up(state, known["model"])
        if is_over(state, self._patience):
            raise NothingLeftError

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: object
    ) -> TrainerControl:
        """Called by the Trainer before it logs and saves the step."""
        if self._reporter.stopped:
            return control
        try:
            self.make_up(state, known["model"])
        except StoppedError:
            self._reporter.stopped = True
            control.should_save = control.should_training_stop = True
            return control
        if state.global_step < state.max_steps and is_over(state, self._patience):
            control.should_save = control.should_training_stop = True
        return control
