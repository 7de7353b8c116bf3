"""What an adapter adds to which weight, as PEFT reads it.

The check has a reader of its own, and shares nothing with this.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft.tuners import lora
from peft.utils import AuxiliaryTrainingWrapper
from safetensors import safe_open

from ..base.errors import TrainerError
from ..models.finite import not_finite
from .adapters import WEIGHTS, attach_adapter

_OTHER_KINDS = {
    "use_dora": "is a DoRA adapter",
    "modules_to_save": "holds whole layers besides (modules_to_save)",
    "trainable_token_indices": "holds rows of the embeddings besides (trainable_token_indices)",
    "target_parameters": "changes parameters that are no linear layer (target_parameters)",
    "layer_replication": "doubles layers (layer_replication)",
    "lora_bias": "holds biases besides (lora_bias)",
    "alora_invocation_tokens": "works in parts of a text only (aLoRA)",
}
"""Settings that make something of an adapter which is not base + scale x B A."""


@dataclass(frozen=True)
class Addition:
    """scale x B A, to be computed a few rows at a time."""

    scale: float
    a: torch.Tensor
    b: torch.Tensor

    def rows(self, rows: slice) -> torch.Tensor:
        """Some rows of it, in float32."""
        return (self.b[rows] @ self.a) * self.scale


class Additions:
    """Those of an adapter, by the name of the weight in the base's files; the numbers of one are read at a time."""

    def __init__(self, skeleton: Any, adapter: Path, planned: dict[str, torch.Tensor]) -> None:  # noqa: ANN401
        """Puts the adapter into the empty model.

        Throws `trainer/bad-adapter` where it is no plain LoRA that fits, `trainer/not-finite`.
        """
        model = attach_adapter(skeleton, adapter)
        _refuse_other_kinds(adapter, model.peft_config["default"])
        self._file: Any = safe_open(adapter / WEIGHTS, framework="pt")
        self._refuse_bad_numbers()
        self._scales: dict[str, float] = {}
        self._modules: dict[str, str] = {}
        for name, layer in model.named_modules():
            if isinstance(layer, AuxiliaryTrainingWrapper):
                raise TrainerError("bad-adapter", f"the adapter in {adapter} holds all of {name}, which no merge adds")
            if not isinstance(layer, lora.LoraLayer):
                continue
            if type(layer) is not lora.Linear or layer.lora_variant or layer.fan_in_fan_out:
                raise TrainerError("bad-adapter", f"the adapter in {adapter} changes {name}, which is no linear layer")
            weight = f"{name.removeprefix('base_model.model.')}.weight"
            if weight not in planned:
                raise TrainerError(
                    "bad-adapter",
                    f"the adapter in {adapter} changes {weight}, which the model stores as a part of another weight",
                )
            self._modules[weight] = name
            self._scales[weight] = layer.scaling["default"]

    def _refuse_bad_numbers(self) -> None:
        bad = not_finite((name, self._file.get_tensor(name)) for name in list(self._file.keys()))
        if bad is not None:
            raise TrainerError(
                "not-finite", f"{bad} of the adapter is not finite", "train again with a lower learning_rate"
            )

    def __contains__(self, weight: object) -> bool:
        return weight in self._modules

    def of(self, weight: str) -> Addition:
        """What is added to this weight."""
        module = self._modules[weight]
        b, a = (self._file.get_tensor(f"{module}.lora_{part}.weight").float() for part in "BA")
        return Addition(self._scales[weight], a, b)


def _refuse_other_kinds(adapter: Path, settings: Any) -> None:  # noqa: ANN401
    found = [said for key, said in _OTHER_KINDS.items() if getattr(settings, key, None)]
    beginning = settings.init_lora_weights
    if isinstance(beginning, str) and beginning not in ("gaussian", "orthogonal"):
        found.append(f"took from the base what it adds to it ({beginning})")
    if settings.bias != "none":
        found.append("trained biases of the base")
    if found:
        raise TrainerError("bad-adapter", f"the adapter in {adapter} {found[0]}; only a plain LoRA can be merged")
