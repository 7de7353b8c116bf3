"""Axolotl's trainer as we use it."""

from __future__ import annotations

from typing import Any

from axolotl.core.trainers import AxolotlTrainer
from axolotl.core.trainers.mixins import CheckpointSaveMixin

from ..careful import CarefulTrainer


class Trainer(CarefulTrainer, AxolotlTrainer):
    """Trains with Axolotl."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        # Axolotl takes the mean of each micro-batch where a model does not name this argument. All of transformers do
        # their own mean over the tokens of a step, as under TRL: a token weighs the same in whichever it is.
        self.model_accepts_loss_kwargs = True
        self._tokens = 0

    def training_step(self, model: Any, inputs: dict[str, Any], *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        """Counts tokens, padding left out."""
        mask = inputs.get("attention_mask")
        self._tokens += inputs["input_ids"].numel() if mask is None else int(mask.sum())
        return super().training_step(model, inputs, *rest, **named)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        # Where this cannot be done Axolotl says so and goes on, with a checkpoint that nobody can go on with.
        super(CheckpointSaveMixin, self)._save_optimizer_and_scheduler(output_dir)

    def log(self, logs: dict[str, float], *rest: Any, **named: Any) -> None:  # noqa: ANN401
        """Says how many there were in all processes, as TRL does."""
        if "loss" in logs:
            logs = logs | {"num_tokens": sum(self.together.all(self._tokens))}
        super().log(logs, *rest, **named)
