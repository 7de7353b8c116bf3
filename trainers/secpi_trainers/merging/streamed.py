"""Merged weights, made a few rows at a time: the model is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ..base.errors import TrainerError
from ..models.weight_files import rows_of, write_weights
from .additions import Additions
from .nf4 import round_trip

BLOCK = 1 << 22
"""Numbers that are made at once: each of the few temporaries has 16 MiB.

Blocks of so many give the bits that a whole matrix does, as far as tried (up to 27,648 x 5,120, rank 64, one and two
threads); with blocks of few rows another kernel takes the sums in another order.
"""


def write_merged(
    folder: Path,
    stored: Mapping[str, Any],
    planned: dict[str, torch.Tensor],
    additions: Additions,
    dtype: torch.dtype,
    rounded: set[str],
    device: str,
    written: Callable[[int, int], None],
) -> int:
    """Writes each planned weight: the base's in `dtype`, as training has it, plus in float32 what the adapter adds.

    `stored` are the base's weights; those that are `rounded` are first made what QLoRA has trained on, each as a whole,
    on `device`. All else is computed on the CPU, so that the bytes depend on no GPU. Returns the number of files.
    Throws `trainer/bad-model` where the base does not fit its `config.json`.
    """
    for name, plan in planned.items():
        if name not in stored:
            raise TrainerError("bad-model", f"the files of the base lack the weight {name}")
        if list(stored[name].get_shape()) != list(plan.shape):
            raise TrainerError("bad-model", f"{name} of the base has another shape than its config.json says")

    def parts(name: str) -> Iterator[torch.Tensor]:
        plan = planned[name]
        source = round_trip(stored[name][:], dtype, device).cpu() if name in rounded else stored[name]
        addition = additions.of(name) if name in additions else None
        for rows in rows_of(list(plan.shape), BLOCK):
            part = source[rows]
            if addition is not None and isinstance(rows, slice):
                part = part.to(dtype).float().add_(addition.rows(rows))
            yield part.to(plan.dtype)

    return write_weights(folder, planned, parts, written)
