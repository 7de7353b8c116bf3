"""TRL's SFTTrainer as we use it."""

from __future__ import annotations

from trl import SFTTrainer

from .careful import CarefulTrainer


class Trainer(CarefulTrainer, SFTTrainer):
    """Trains with TRL."""

    def create_model_card(self, *_: object, **__: object) -> None:
        """Writes no page about the model beside the checkpoints: nobody reads it."""
