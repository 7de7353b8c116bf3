"""Several rows in one sequence, each whole, none of which sees another."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset
from trl import pack_dataset


def write_packed(rows: Dataset, max_tokens: int, mapped: Path) -> None:
    """Writes sequences of at most `max_tokens` tokens, best fit first, to the file `mapped`, which is replaced.

    Beside ids and labels a sequence has `seq_lengths`, of which TRL's collator makes positions that begin anew with
    each row: attention stays within a row, and a row's first token is never predicted from the row before.
    """
    mapped.unlink(missing_ok=True)
    in_file = {"cache_file_name": str(mapped), "load_from_cache_file": False}
    pack_dataset(rows, max_tokens, "bfd", in_file)
