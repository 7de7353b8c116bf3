"""Whether merged weights are the base's plus the adapter's: every number of them, a block at a time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

import torch
from peft import LoraConfig
from safetensors import safe_open

from ..base.errors import TrainerError
from ..models.finite import not_finite
from ..models.weight_files import rows_of, stored_weights
from .adapters import CONFIG, WEIGHTS

BLOCK = 1 << 18
"""Numbers that are compared at once: every temporary has 1 MiB, or a row if that is longer, and stays in the cache."""

_IMMATERIAL = {
    *("base_model_name_or_path", "revision", "inference_mode", "task_type", "auto_mapping", "peft_version"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "lora_dropout"),
    *("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "peft_type"),
}
"""Settings of an adapter that say nothing of what it adds, and those that `_read_adapter` knows."""

_BEGINNINGS = (True, False, "gaussian", "orthogonal")
"""First weights of an adapter that leave the base as it is; others (PiSSA, OLoRA, LoftQ) take from it what they add."""


@dataclass(frozen=True)
class Delta:
    """What an adapter adds to one weight: scale x B A."""

    b: torch.Tensor
    a: torch.Tensor
    scale: float


class _Rounded:
    """A weight of the base as QLoRA has trained on it, read as the others are."""

    def __init__(self, stored: Any, dtype: torch.dtype, device: str) -> None:  # noqa: ANN401
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        whole = stored[:].to(device, dtype)
        packed, state = quantize_4bit(whole, blocksize=64, compress_statistics=True, quant_type="nf4")
        self._whole = dequantize_4bit(packed, state).cpu()

    def get_shape(self) -> list[int]:
        return list(self._whole.shape)

    def __getitem__(self, rows: slice) -> torch.Tensor:
        return self._whole[rows]


@dataclass(frozen=True)
class Deviation:
    """How far the merged weights are from base plus adapter."""

    largest: float
    """Of all adapted weights, the largest norm of what is off, relative to the norm of what the adapter changes."""
    adapted: int
    tensors: int


def check_merge(
    base: Path,
    names: set[str],
    adapter: Path,
    merged: Path,
    dtype: torch.dtype,
    device: str,
    checked: Callable[[int, int], None],
    rounded: Set[str] = frozenset(),
) -> Deviation:
    """Compares model folders weight by weight; nothing but the adapter and blocks of `BLOCK` numbers is held in memory.

    An adapted weight has to be base + scale x B A, rounded to `dtype`: each number to within half a unit of its last
    place and what float32 may lose on the way. All others have to be the base's. `names` are those that the base
    is loaded with: what its files hold beside them is not looked for. Those that are `rounded` are compared with what
    QLoRA makes of them, and held in memory one at a time. `checked` is told after each weight how many are done, of
    how many; what it throws ends the check. Throws
    `trainer/merge-differs`, `trainer/bad-adapter`, `trainer/adapter-without-effect`, `trainer/not-finite`.
    """
    deltas = _read_adapter(adapter)
    wanted, found = stored_weights(base), stored_weights(merged)
    _check_names(names, set(wanted), set(found), set(deltas), merged)
    ratios: list[float] = []
    changed = False
    for done, name in enumerate(sorted(found), 1):
        before = _Rounded(wanted[name], dtype, device) if name in rounded else wanted[name]
        delta = deltas.get(name)
        if delta is None:
            _check_same(name, before, found[name], dtype)
        else:
            ratio, differs = _compare(name, before, found[name], delta, dtype, device)
            ratios.append(ratio)
            changed |= differs
        checked(done, len(found))
    if not changed:
        raise TrainerError("adapter-without-effect", f"the adapter in {adapter} changes no weight of the base")
    return Deviation(max(ratios), len(ratios), len(found))


def _read_adapter(folder: Path) -> dict[str, Delta]:
    """What is added to each weight, by its name in the base."""
    settings = json.loads((folder / CONFIG).read_bytes())
    usual = LoraConfig().to_dict()
    if settings.get("init_lora_weights") in _BEGINNINGS:
        del settings["init_lora_weights"]
    odd = [key for key, value in settings.items() if key not in _IMMATERIAL and usual.get(key, value) != value]
    if odd:
        raise TrainerError(
            "bad-adapter", f"the adapter in {folder} has {odd[0]}, and a merge of that cannot be checked"
        )
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    name = not_finite(parts.items())
    if name is not None:
        raise TrainerError(
            "not-finite", f"{name} of the adapter is not finite", "train again with a lower learning_rate"
        )
    ends = (".lora_A.weight", ".lora_B.weight")
    modules = {part.removesuffix(end) for part in parts for end in ends if part.endswith(end)}
    try:
        pairs = {module: (parts.pop(module + ends[1]), parts.pop(module + ends[0])) for module in modules}
    except KeyError as error:
        raise TrainerError("bad-adapter", f"the adapter in {folder} lacks {error}") from error
    if parts:
        raise TrainerError("bad-adapter", f"the adapter in {folder} has {min(parts)}, which is no part of a LoRA")
    deltas: dict[str, Delta] = {}
    for module, (b, a) in pairs.items():
        name = module.removeprefix("base_model.model.")
        deltas[f"{name}.weight"] = Delta(b, a, _scale(settings, name, rank=a.shape[0]))
    return deltas


def _scale(settings: dict[str, Any], module: str, rank: int) -> float:
    """Of a module whose A has `rank` rows. The first pattern that its name ends with gives alpha, as PEFT has it."""
    patterns = settings.get("alpha_pattern") or {}
    named = (alpha for pattern, alpha in patterns.items() if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module))
    alpha = float(next(named, settings["lora_alpha"]))
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)


def _check_names(names: set[str], wanted: set[str], found: set[str], adapted: set[str], merged: Path) -> None:
    strange = adapted - (names & wanted)
    if strange:
        raise TrainerError("bad-adapter", f"the adapter changes {min(strange)}, which the base does not have")
    # Weights that are one and the same are stored once.
    tied = json.loads((merged / "config.json").read_bytes()).get("tie_word_embeddings", False)
    odd = {name for name in names ^ found if not (tied and name == "lm_head.weight" and name not in adapted)}
    odd |= found - wanted
    if odd:
        where = "only the merged model has" if min(odd) in found else "the merged model lacks"
        raise TrainerError("merge-differs", f"{where} the weight {min(odd)}")


def _check_same(name: str, wanted: Any, found: Any, dtype: torch.dtype) -> None:  # noqa: ANN401
    """In the type of the merged weights, or in the one that it has in the base: any other may have lost something."""

    def same(rows: slice | EllipsisType) -> bool:
        before, after = wanted[rows], found[rows]
        return after.dtype in (dtype, before.dtype) and torch.equal(before.to(after.dtype), after)

    shape = found.get_shape()
    if wanted.get_shape() != shape or not all(map(same, rows_of(shape, BLOCK))):
        raise TrainerError("merge-differs", f"the weight {name}, which the adapter leaves alone, is not the base's")


def _compare(
    name: str,
    wanted: Any,  # noqa: ANN401
    found: Any,  # noqa: ANN401
    delta: Delta,
    dtype: torch.dtype,
    device: str,
) -> tuple[float, bool]:
    """How much is off, relative to what the adapter changes; and whether any number is not the base's."""
    b, a, scale = delta.b.to(device).float(), delta.a.to(device).float(), delta.scale
    if wanted.get_shape() != [b.shape[0], a.shape[1]] or found.get_shape() != wanted.get_shape():
        raise TrainerError("bad-adapter", f"the adapter's {name} has another shape than the base's")
    off = effect = along = 0.0
    wrong, differs = 0, False
    for rows in rows_of(found.get_shape(), BLOCK):
        after = found[rows].to(b.device)
        if after.dtype != dtype:
            raise TrainerError("merge-differs", f"the weight {name} is stored as {after.dtype}, not as {dtype}")
        before, after = wanted[rows].to(b.device, dtype).float(), after.float()
        added = scale * (b[rows] @ a)
        lost = _float32_error(b[rows], a, scale, before, added)
        expected = before + added
        # Rounding keeps the order, so what may be there lies between the bounds as they are rounded.
        least, most = ((expected + error).to(dtype).float() for error in (-lost, lost))
        wrong += int(((after < least) | (after > most)).sum())
        differs = differs or not torch.equal(before, after)
        off += _square(after - expected)
        effect += _square(added)
        along += float(torch.dot((after - before).flatten(), added.flatten()))
    if wrong:
        share = along / effect if effect else math.inf
        raise TrainerError(
            "merge-differs",
            f"{wrong} numbers of the merged {name} are not those of base and adapter: "
            f"of what the adapter adds it holds {share:.3g} times as much",
            "merge again; if that does not help, please report it",
        )
    return (math.sqrt(off / effect) if effect else 0.0), differs


def _float32_error(
    b: torch.Tensor, a: torch.Tensor, scale: float, before: torch.Tensor, delta: torch.Tensor
) -> torch.Tensor:
    """What the merge and this check may lose to float32 together: in sums of products, the scale and the addition.

    A sum of n products is off by no more than n units of the product of both norms, in whatever order it is taken.
    """
    products = torch.outer(b.norm(dim=1), a.norm(dim=0))
    return 2.0**-24 * (2 * (b.shape[1] + 2) * abs(scale) * products + 4 * (before.abs() + delta.abs()))


def _square(numbers: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(numbers, dtype=torch.float64)) ** 2
