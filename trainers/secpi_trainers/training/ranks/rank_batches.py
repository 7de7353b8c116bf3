"""Which rows each of several processes gets: together what one process would take with a batch that is as many times as
large, each row once in an epoch.

Accelerate's own way fills the last batches of an epoch up with rows from its start: those would count twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any, Protocol

from datasets import Dataset, concatenate_datasets
from torch.utils.data import BatchSampler

from ...data.rows import IGNORED


class Places(Iterable[int], Sized, Protocol):
    """The places of rows in some order."""


class RankBatches(BatchSampler):
    """Yields the batches of all processes in turns, as accelerate deals them out: one for each, again and again.

    What is left at an epoch's end is dealt evenly. Who gets nothing gets the row `blank`, in which nothing is in the
    loss. `sampler` is exchanged by accelerate for one that it seeds.
    """

    def __init__(self, sampler: Places, batch_size: int, processes: int, blank: int) -> None:
        # Not called: without a size of its own, accelerate takes batches as they are.
        self.sampler = sampler
        self._size = batch_size
        self._processes = processes
        self._blank = blank

    def __len__(self) -> int:
        return -(-len(self.sampler) // (self._size * self._processes)) * self._processes

    def __iter__(self) -> Iterator[list[int]]:
        taken: list[int] = []
        for place in self.sampler:
            taken.append(place)
            if len(taken) == self._size * self._processes:
                yield from self._deal(taken)
                taken = []
        if taken:
            yield from self._deal(taken)

    def _deal(self, taken: list[int]) -> Iterator[list[int]]:
        for number in range(self._processes):
            yield taken[number :: self._processes] or [self._blank]


def with_blank(sequences: Dataset) -> Dataset:
    """The same with one more at the end, a short one with nothing in the loss."""
    ids = sequences[0]["input_ids"][:2]
    blank: dict[str, list[Any]] = {"input_ids": [ids], "labels": [[IGNORED] * len(ids)]}
    if "seq_lengths" in sequences.column_names:
        blank["seq_lengths"] = [[len(ids)]]
    return concatenate_datasets([sequences, Dataset.from_dict(blank, sequences.features)])
