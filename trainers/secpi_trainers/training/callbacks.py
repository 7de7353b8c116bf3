"""What a training says, and what it keeps, while it goes on."""

from __future__ import annotations

import time
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..base.session import Session
from ..models.checkpoints import MARK, prune, seal
from ..models.randomness import RandomState, random_state, restore_random_state
from ..models.soundness import check_step
from .meter import Meter


class Reporter(TrainerCallback):
    """Writes one event a step, stops when a signal has come, and fails when a step makes no sense."""

    meter: Meter | None = None
    """Set once the model is there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._began = self._last = time.monotonic()
        self._tokens = 0.0
        self._random: RandomState | None = None
        """At the end of the last step of this process, if it has taken any: before that there is nothing to save."""

    def on_train_begin(self, *_: object, **__: object) -> None:
        """Starts the clock."""
        self._began = self._last = time.monotonic()

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Saves and stops at this boundary when a signal has come."""
        self._random = random_state()
        if self._session.stop.is_set and state.global_step < state.max_steps:
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Stops in the middle of a step as well: with many micro-batches a whole one takes longer than anybody waits.

        What the step has gathered so far is dropped, and what is saved is what there was at the end of the one before.
        """
        if self._session.stop.is_set:
            control.should_training_stop = True
            if self._random is not None:
                restore_random_state(self._random)
                saved = Path(args.output_dir, f"checkpoint-{state.global_step}", MARK)
                control.should_save = not saved.is_file()
        return control

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Reports the step."""
        if logs is None or "loss" not in logs:
            return
        now, tokens = time.monotonic(), float(logs.get("num_tokens", 0.0))
        loss, norm = float(logs["loss"]), float(logs["grad_norm"])
        rate = round((tokens - self._tokens) / max(now - self._last, 1e-9), 1)
        self._session.event(
            "metric",
            step=state.global_step,
            total_steps=state.max_steps,
            loss=loss,
            learning_rate=float(logs["learning_rate"]),
            grad_norm=norm,
            epoch=state.epoch,
            tokens_per_second=rate,
            seconds=round(now - self._began, 3),
            **(self.meter.read(rate) if self.meter else {}),
        )
        self._last, self._tokens = now, tokens
        # Before the Trainer saves this step.
        check_step(state.global_step, loss, norm)


class Keeper(TrainerCallback):
    """Marks each checkpoint once it is whole and durable, then removes the oldest.

    Of those that the schedule has asked for, and not a signal, the last `averaged` stay in any case.
    """

    def __init__(self, session: Session, identity: str, keep: int, averaged: int = 0) -> None:
        self._session = session
        self._identity = identity
        self._keep = keep
        self._averaged = averaged

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: object, **__: object) -> None:
        """Saves as often as the job says now: a checkpoint remembers how often it was when it was written."""
        state.save_steps = args.save_steps

    def on_save(self, args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: object) -> None:
        """Called by the Trainer when it has written a checkpoint."""
        if not state.is_world_process_zero:
            return
        root = Path(args.output_dir)
        seal(root / f"checkpoint-{state.global_step}", self._identity)
        scheduled = range(int(state.save_steps), state.global_step + 1, int(state.save_steps))
        prune(root, self._keep, set(scheduled[max(0, len(scheduled) - self._averaged) :]))
        self._session.log(f"checkpoint at step {state.global_step}")
