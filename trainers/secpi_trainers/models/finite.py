"""Looking for NaN and infinities in many tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def not_finite(tensors: Iterable[tuple[str, Any]]) -> str | None:
    """The name of the first tensor that holds NaN or an infinity."""
    import torch

    names: list[str] = []
    flags: list[Any] = []
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.numel() > 0:
            names.append(name)
            # Takes no memory of the tensor's size, and passes NaN on.
            flags.append(torch.isfinite(torch.stack(torch.aminmax(tensor.detach()))).all())
    return next((name for name, flag in zip(names, flags, strict=True) if not flag), None)
