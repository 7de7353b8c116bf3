"""TRL's SFTTrainer as we use it."""

from __future__ import annotations

from typing import Any

from datasets import Dataset, concatenate_datasets
from torch.utils.data import DataLoader, RandomSampler
from trl import SFTTrainer

from ..data.rows import IGNORED
from .careful import CarefulTrainer
from .ranks.rank_batches import RankBatches


class Trainer(CarefulTrainer, SFTTrainer):
    """Trains with TRL, alone or as one of several."""

    def create_model_card(self, *_: object, **__: object) -> None:
        """Writes no page about the model beside the checkpoints: nobody reads it."""

    def get_train_dataloader(self) -> DataLoader:
        """The batches of this process."""
        if self.together.rank.is_alone:
            return super().get_train_dataloader()
        rows = self._remove_unused_columns(self.train_dataset, "training")
        batches = self._rank_batches()
        return self.accelerator.prepare(DataLoader(rows, batch_sampler=batches, collate_fn=self.data_collator))

    def _rank_batches(self) -> RankBatches:
        size, processes = self.args.train_batch_size, self.together.rank.world
        return RankBatches(RandomSampler(range(self.rows)), size, processes, blank=self.rows)


def with_blank(sequences: Dataset) -> Dataset:
    """The same with one more at the end, a short one with nothing in the loss."""
    ids = sequences[0]["input_ids"][:2]
    blank: dict[str, list[Any]] = {"input_ids": [ids], "labels": [[IGNORED] * len(ids)]}
    if "seq_lengths" in sequences.column_names:
        blank["seq_lengths"] = [[len(ids)]]
    return concatenate_datasets([sequences, Dataset.from_dict(blank, sequences.features)])
