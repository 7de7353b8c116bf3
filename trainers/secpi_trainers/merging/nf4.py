"""Weights as QLoRA trains on them: rounded to 4 bits (NF4, its scales rounded again) and made numbers again."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from transformers import BitsAndBytesConfig
from transformers.quantizers.auto import AutoHfQuantizer

from ..base.errors import TrainerError


def require_bitsandbytes() -> None:
    """Throws `trainer/needs-package` where it is not installed."""
    if find_spec("bitsandbytes") is None:
        raise TrainerError(
            "needs-package",
            "a QLoRA adapter is merged onto weights that were rounded to 4 bits, which needs the package bitsandbytes",
            "put it into the image of the target",
        )


def nf4_settings(dtype: torch.dtype) -> BitsAndBytesConfig:
    """How QLoRA loads its base."""
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def rounded_weights(skeleton: Any, dtype: torch.dtype) -> set[str]:  # noqa: ANN401
    """The names of the weights that are rounded, as loading does it. Replaces the empty model's layers."""
    from bitsandbytes.nn import Linear4bit

    quantizer = AutoHfQuantizer.from_config(nf4_settings(dtype))
    quantizer.preprocess_model(skeleton, device_map={"": "cpu"})
    return {f"{name}.weight" for name, layer in skeleton.named_modules() if isinstance(layer, Linear4bit)}


def round_trip(weight: torch.Tensor, dtype: torch.dtype, device: str) -> torch.Tensor:
    """A weight to 4 bits and back, by the way that a layer takes when a model is loaded."""
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Params4bit

    packed = Params4bit(
        weight.to(dtype).contiguous(), requires_grad=False, quant_type="nf4", compress_statistics=True
    ).to(device)
    return dequantize_4bit(packed.data, packed.quant_state).to(dtype)
