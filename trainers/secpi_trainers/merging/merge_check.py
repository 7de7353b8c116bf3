"""Whether merged weights are the base's plus the adapter's: every number of them, a block at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors import safe_open
from transformers.core_model_loading import revert_weight_conversion

from ..base.errors import TrainerError
from ..models.finite import not_finite
from .adapters import CONFIG, WEIGHTS

BLOCK = 1 << 18
"""Numbers that are compared at once: every temporary has 1 MiB, or a row if that is longer, and stays in the cache."""

_IMMATERIAL = {
    *("base_model_name_or_path", "revision", "inference_mode", "task_type", "auto_mapping", "peft_version"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "lora_dropout"),
    *("r", "lora_alpha", "use_rslora", "peft_type"),
}
"""Settings of an adapter that say nothing of what it adds, and those that `_read_adapter` knows."""

_BEGINNINGS = (True, False, "gaussian", "orthogonal")
"""First weights of an adapter that leave the base as it is; others (PiSSA, OLoRA, LoftQ) take from it what they add."""


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
) -> Deviation:
    """Compares model folders weight by weight; nothing but the adapter and blocks of `BLOCK` numbers is held in memory.

    An adapted weight has to be base + scale x B A, rounded to `dtype`: each number to within half a unit of its last
    place and what float32 may lose on the way. All others have to be the base's. `names` are those of the base
    as it was loaded (`stored_names`): what its files hold beside them is not looked for. `checked` is
    told after each weight how many are done, of how many; what it throws ends the check. Throws
    `trainer/merge-differs`, `trainer/bad-adapter`, `trainer/adapter-without-effect`, `trainer/not-finite`.
    """
    scale, deltas = _read_adapter(adapter)
    wanted, found = stored_weights(base), stored_weights(merged)
    _check_names(names, set(wanted), set(found), set(deltas), merged)
    ratios: list[float] = []
    changed = False
    for done, name in enumerate(sorted(found), 1):
        pair = deltas.get(name)
        if pair is None:
            _check_same(name, wanted[name], found[name])
        else:
            pair = (pair[0].to(device), pair[1].to(device))
            ratio, differs = _compare(name, wanted[name], found[name], pair, scale, dtype)
            ratios.append(ratio)
            changed |= differs
        checked(done, len(found))
    if not changed:
        raise TrainerError("adapter-without-effect", f"the adapter in {adapter} changes no weight of the base")
    return Deviation(max(ratios), len(ratios), len(found))


def stored_names(model: Any) -> set[str]:  # noqa: ANN401
    """The names under which transformers stores a model's weights, which need not be those of its modules (experts)."""
    return set(revert_weight_conversion(model, {name: item.to("meta") for name, item in model.state_dict().items()}))


def _read_adapter(folder: Path) -> tuple[float, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """The scale, and B and A of each weight by its name in the base."""
    settings = json.loads((folder / CONFIG).read_bytes())
    usual = LoraConfig().to_dict()
    if settings.get("init_lora_weights") in _BEGINNINGS:
        del settings["init_lora_weights"]
    odd = [key for key, value in settings.items() if key not in _IMMATERIAL and usual.get(key, value) != value]
    if odd:
        raise TrainerError(
            "bad-adapter", f"the adapter in {folder} has {odd[0]}, and a merge of that cannot be checked"
        )
    rank = settings["r"]
    scale = settings["lora_alpha"] / (math.sqrt(rank) if settings.get("use_rslora") else rank)
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
    return scale, {f"{module.removeprefix('base_model.model.')}.weight": pair for module, pair in pairs.items()}


def stored_weights(folder: Path) -> dict[str, Any]:
    """The weights of a model folder by name, to be read piece by piece: those of the files that transformers reads.

    Throws `trainer/bad-model` where there are none.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    files = [whole]
    if not whole.exists():
        if not index.exists():
            raise TrainerError("bad-model", f"the model in {folder} has no weights that are stored as safetensors")
        shards = json.loads(index.read_bytes())["weight_map"].values()
        files = [folder / name for name in sorted(set(shards))]
    opened: list[Any] = [safe_open(path, framework="pt") for path in files]
    return {name: file.get_slice(name) for file in opened for name in file.keys()}  # noqa: SIM118 - no mapping


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


def _blocks(part: Any) -> Iterator[slice]:  # noqa: ANN401
    shape = part.get_shape()
    rows = max(1, BLOCK // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0] if shape else 0, rows):
        yield slice(first, min(first + rows, shape[0]))


def _check_same(name: str, wanted: Any, found: Any) -> None:  # noqa: ANN401
    same = wanted.get_shape() == found.get_shape()
    if not (same and all(torch.equal(wanted[rows].to(found[rows].dtype), found[rows]) for rows in _blocks(found))):
        raise TrainerError("merge-differs", f"the weight {name}, which the adapter leaves alone, is not the base's")


def _compare(
    name: str,
    wanted: Any,  # noqa: ANN401
    found: Any,  # noqa: ANN401
    pair: tuple[torch.Tensor, torch.Tensor],
    scale: float,
    dtype: torch.dtype,
) -> tuple[float, bool]:
    """How much is off, relative to what the adapter changes; and whether any number is not the base's."""
    b, a = (part.float() for part in pair)
    if wanted.get_shape() != [b.shape[0], a.shape[1]] or found.get_shape() != wanted.get_shape():
        raise TrainerError("bad-adapter", f"the adapter's {name} has another shape than the base's")
    off = effect = along = 0.0
    wrong, differs = 0, False
    for rows in _blocks(found):
        after = found[rows].to(b.device)
        if after.dtype != dtype:
            raise TrainerError("merge-differs", f"the weight {name} is stored as {after.dtype}, not as {dtype}")
        before, after = wanted[rows].to(b.device, dtype).float(), after.float()
        delta = scale * (b[rows] @ a)
        lost = _float32_error(b[rows], a, scale, before, delta)
        expected = before + delta
        # Rounding keeps the order, so what may be there lies between the bounds as they are rounded.
        least, most = ((expected + error).to(dtype).float() for error in (-lost, lost))
        wrong += int(((after < least) | (after > most)).sum())
        differs = differs or not torch.equal(before, after)
        off += _square(after - expected)
        effect += _square(delta)
        along += float(torch.dot((after - before).flatten(), delta.flatten()))
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
