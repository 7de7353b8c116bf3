"""Prepared rows, checked once more and mapped into memory: only what is needed at once is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, List, Value
from datasets.arrow_writer import ArrowWriter

from ..base.errors import TrainerError
from ..base.files import read_json_lines
from ..base.session import StopFlag
from .rows import IGNORED

_FEATURES = Features({"input_ids": List(Value("int32")), "labels": List(Value("int32"))})
_ROWS_IN_MEMORY = 8
"""While the file is written."""


@dataclass(frozen=True)
class RowFacts:
    """What is known of all rows of a file."""

    tokens: int
    """All of them, in the loss or not."""
    trained: int
    """Those in the loss."""
    highest: int
    """The highest id."""
    shortest: int
    """The place of the shortest row."""
    squares: int = 0
    """Of their lengths, added up."""

    @property
    def mean_seen(self) -> float:
        """The length of the row that a token stands in, on average over all tokens."""
        return self.squares / max(self.tokens, 1)


class PreparedRows:
    """Rows of ids and labels in a file of `write_prepared`, which is mapped into memory."""

    def __init__(self, mapped: Path, facts: RowFacts) -> None:
        self.dataset = Dataset.from_file(str(mapped))
        self.facts = facts

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[tuple[list[int], list[int]]]:
        return (self.row(place) for place in range(len(self)))

    def lengths(self) -> list[int]:
        """Of each row, in tokens."""
        return [len(ids) for ids, _ in self]

    def row(self, place: int) -> tuple[list[int], list[int]]:
        """Ids and labels of a row."""
        found = self.dataset[place]
        return found["input_ids"], found["labels"]


def write_prepared(path: Path, max_tokens: int, mapped: Path, stop: StopFlag) -> RowFacts:
    """Reads rows of `prepare` into the file `mapped`, which is replaced.

    Checks each: the Trainer would cut a long row, and train on a broken mask, without a word. Throws
    `trainer/bad-rows`, `trainer/row-too-long`, or `StoppedError` between two rows.
    """
    tokens = trained = highest = squares = 0
    shortest, least = 0, max_tokens + 1
    mapped.unlink(missing_ok=True)
    with ArrowWriter(path=str(mapped), features=_FEATURES, writer_batch_size=_ROWS_IN_MEMORY) as writer:
        for place, (number, row) in enumerate(read_json_lines(path, path.name)):
            stop.check()
            ids, labels = _checked(row, f"{path.name}, line {number}", max_tokens)
            writer.write({"input_ids": ids, "labels": labels})
            tokens += len(ids)
            squares += len(ids) ** 2
            trained += sum(label != IGNORED for label in labels[1:])
            highest = max(highest, *ids)
            if len(ids) < least:
                shortest, least = place, len(ids)
        writer.finalize()
    return RowFacts(tokens, trained, highest, shortest, squares)


def _checked(row: dict[str, Any], where: str, max_tokens: int) -> tuple[list[int], list[int]]:
    ids, labels = row.get("input_ids"), row.get("labels")
    if not isinstance(ids, list) or not isinstance(labels, list) or len(ids) != len(labels):
        raise _bad(f"{where}: input_ids and labels must be equally long lists of integers")
    if not all(type(item) is int and 0 <= item < 1 << 31 for item in ids):
        raise _bad(f"{where}: input_ids must be token ids")
    if any(label not in (IGNORED, token) for token, label in zip(ids, labels, strict=True)):
        raise _bad(f"{where}: a label is neither its token nor {IGNORED}")
    # What is at the first place follows nothing, and is never predicted.
    if all(label == IGNORED for label in labels[1:]):
        raise _bad(f"{where}: no token is in the loss")
    if len(ids) > max_tokens:
        raise TrainerError(
            "row-too-long",
            f"{where} has {len(ids)} tokens, and max_tokens is {max_tokens}",
            "prepare the rows again with this max_tokens",
        )
    return ids, labels


def _bad(message: str) -> TrainerError:
    return TrainerError("bad-rows", message)
