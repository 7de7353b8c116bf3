"""What a training says, and what it keeps, while it goes on."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ...base.session import Session
from ...models.checkpoints import prune, seal
from ...models.randomness import RandomState, random_state, restore_random_state
from ...models.soundness import check_step
from ..kept.begun import Begun
from ..kept.keeping import to_average
from ..ranks.together import Together
from .meter import Meter


class Reporter(TrainerCallback):
    """Writes one event a step, stops when a signal has come, and fails when a step makes no sense."""

    saved: int | None = None
    """The step of the newest checkpoint."""
    stopped = False
    """Whether all processes have agreed to stop before the end."""
    meter: Meter | None = None
    """Set once the model is there."""

    def __init__(self, session: Session, together: Together) -> None:
        self._session = session
        self._together = together
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
        if self._must_stop() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_substep_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Stops in the middle of a step as well: with many micro-batches a whole one takes longer than anybody waits.

        What the step has gathered so far is dropped, and what is saved is what there was at the end of the one before.
        """
        if self._must_stop():
            self.stopped = True
            control.should_training_stop = True
            if self._random is not None:
                restore_random_state(self._random)
                control.should_save = self.saved != state.global_step
        return control

    def _must_stop(self) -> bool:
        """Whether one of the processes has been told to: at this boundary all of them stop, or none."""
        return self._together.any(self._session.stop.is_set)

    def on_save(self, _args: TrainingArguments, state: TrainerState, *_: object, **__: object) -> None:
        """Notes what there is to go on with."""
        self.saved = state.global_step

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
            **(self.meter.read(rate / self._session.rank.world) if self.meter else {}),
        )
        self._last, self._tokens = now, tokens
        # Before the Trainer saves this step.
        check_step(state.global_step, loss, norm)


class Keeper(TrainerCallback):
    """Marks each checkpoint once it is whole and durable, then removes the oldest.

    Of those that the schedule has asked for, and not a signal, the last `averaged` stay in any case.

    With several processes that takes place beside the training: hashing hundreds of GB takes longer than the others
    would wait for the first one. It is over before the next checkpoint is begun, and before the end.
    """

    def __init__(self, session: Session, together: Together, begun: Begun, keep: int, averaged: int = 0) -> None:
        self._session = session
        self._together = together
        self._begun = begun
        self._keep = keep
        self._averaged = averaged
        self._pool = ThreadPoolExecutor(1, "sealing")
        self._sealing: Future[None] | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: object, **__: object) -> None:
        """Saves as often as the job says now: a checkpoint remembers how often it was when it was written."""
        state.save_steps = args.save_steps

    def on_save(self, args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: object) -> None:
        """Called by the Trainer when it has written a checkpoint, or what this process writes of it."""
        self._together.meet()
        if not state.is_world_process_zero:
            return
        self._sealing = self._pool.submit(self._seal, Path(args.output_dir), state.global_step, int(state.save_steps))
        if self._session.rank.is_alone:
            self.finish()

    def _seal(self, root: Path, step: int, every: int) -> None:
        seal(root / f"checkpoint-{step}", self._begun.identity, self._begun.made)
        prune(root, self._keep, to_average(step, every, self._averaged))
        self._session.log(f"checkpoint at step {step}")

    def finish(self) -> None:
        """Waits until the newest checkpoint is marked. Throws what went wrong with that."""
        if self._sealing is not None:
            self._sealing.result()

    def settle(self) -> None:
        """Waits until nothing is being marked any more, whatever came of it."""
        self._pool.shutdown()
