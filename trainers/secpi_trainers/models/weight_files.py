"""Weights in safetensors files: read piece by piece, and written so, however large the model is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import EllipsisType
from typing import Any, BinaryIO

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors import safe_open

from ..base.errors import TrainerError
from ..base.files import sync, write_json

INDEX = "model.safetensors.index.json"
MOST_BYTES = "5GB"
"""Of a file: what the Hub's tools write, and what it takes well."""

_TYPES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int32: "I32",
    torch.int64: "I64",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float32: "F32",
    torch.float64: "F64",
}
"""What safetensors calls them."""


def stored_weights(folder: Path) -> dict[str, Any]:
    """The weights of a model folder by name, to be read piece by piece: those of the files that transformers reads.

    Throws `trainer/bad-model` where there are none.
    """
    whole, index = folder / "model.safetensors", folder / INDEX
    files = [whole]
    if not whole.exists():
        if not index.exists():
            raise TrainerError("bad-model", f"the model in {folder} has no weights that are stored as safetensors")
        shards = json.loads(index.read_bytes())["weight_map"].values()
        files = [folder / name for name in sorted(set(shards))]
    opened: list[Any] = [safe_open(path, framework="pt") for path in files]
    return {name: file.get_slice(name) for file in opened for name in file.keys()}  # noqa: SIM118 - no mapping


def rows_of(shape: list[int], numbers: int) -> Iterator[slice | EllipsisType]:
    """Slices along the first dimension, of no more than so many numbers each, or of one row if that has more.

    Of a single number without a dimension, that.
    """
    if not shape:
        yield ...
        return
    rows = max(1, numbers // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0], rows):
        yield slice(first, min(first + rows, shape[0]))


def write_weights(
    folder: Path,
    planned: Mapping[str, torch.Tensor],
    parts: Callable[[str], Iterator[torch.Tensor]],
    written: Callable[[int, int], None],
    most: str = MOST_BYTES,
    pattern: str = "model{suffix}.safetensors",
) -> int:
    """Writes weights as `save_pretrained` does (the same files, bytes and index), but a piece at a time.

    `planned` gives type and shape of each, as tensors without numbers (`meta`); `parts` yields the numbers of one, from
    the first to the last. `written` is told after each weight how many are done, of how many; what it throws ends it.
    safetensors itself wants all that a file holds at once, so the file is laid out here, as its format says:
    https://github.com/huggingface/safetensors#format. Returns how many files there are.
    """
    split = split_torch_state_dict_into_shards(dict(planned), filename_pattern=pattern, max_shard_size=most)
    done = 0
    for name, inside in split.filename_to_tensors.items():
        # Wide numbers first, so that each begins at a multiple of its size.
        order = sorted(inside, key=lambda weight: (-planned[weight].itemsize, weight))
        with (folder / name).open("wb") as file:
            file.write(_header(planned, order))
            for weight in order:
                _write_numbers(file, weight, planned[weight], parts(weight))
                done += 1
                written(done, len(planned))
        sync(folder / name)
    if split.is_sharded:
        write_json(folder / INDEX, {"metadata": split.metadata, "weight_map": split.tensor_to_filename})
    return len(split.filename_to_tensors)


def _header(planned: Mapping[str, torch.Tensor], order: list[str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name in order:
        end = start + planned[name].nbytes
        entries[name] = {
            "dtype": _TYPES[planned[name].dtype],
            "shape": list(planned[name].shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _write_numbers(file: BinaryIO, name: str, planned: torch.Tensor, parts: Iterator[torch.Tensor]) -> None:
    start = file.tell()
    for part in parts:
        if part.dtype != planned.dtype:
            raise ValueError(f"{name} was planned as {planned.dtype}, and is {part.dtype}")
        file.write(part.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    if file.tell() - start != planned.nbytes:
        raise ValueError(f"{name} was planned with {planned.nbytes} bytes, and has {file.tell() - start}")
