"""What a training takes of the machine, step by step."""

from __future__ import annotations

import resource
from typing import Any

import torch

from ...data.prepared import RowFacts


class Meter:
    """Memory, and how much of what the GPU can compute goes into the model (MFU).

    MFU is that of Chowdhery et al. 2022 (PaLM, appendix B): operations that forward and backward passes need, without
    those that are done twice to save memory, over the dense rate of the card.
    """

    def __init__(self, device: str, flops: float, peak_tflops: float | None) -> None:
        self._device = device
        self._flops = flops
        self._peak = None if peak_tflops is None else peak_tflops * 1e12

    def read(self, tokens_per_second: float) -> dict[str, float]:
        """Values of a `metric` event; `tokens_per_second` are those of one GPU."""
        values = {"memory_gib": round(peak_memory(self._device) / (1 << 30), 3)}
        if self._peak is not None:
            values["mfu"] = round(tokens_per_second * self._flops / self._peak, 4)
        return values


def peak_memory(device: str) -> int:
    """Bytes: on a GPU those that PyTorch has given out at most, else the most that the process has had."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def flops_per_token(model: Any, rows: RowFacts) -> float:  # noqa: ANN401
    """Floating-point operations of one forward and backward pass, per token.

    Two for each number of a matrix forward, two more for the gradient of what went in, and two for that of the matrix
    where it is trained. Attention: a token looks at half of its row on average, and nothing of it is trained.
    """
    matrices = [module for module in model.modules() if hasattr(module, "in_features")]
    numbers = [(item.in_features * item.out_features, _is_trained(item)) for item in matrices if not _wraps(item)]
    linear: float = sum(size * (6 if trained else 4) for size, trained in numbers)
    config = model.config
    head: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 6 * int(config.num_hidden_layers * config.num_attention_heads) * head
    return linear + attention * rows.mean_seen


def _wraps(module: Any) -> bool:  # noqa: ANN401
    """PEFT's layers repeat the sizes of those that they hold."""
    return hasattr(module, "base_layer")


def _is_trained(module: Any) -> bool:  # noqa: ANN401
    return any(item.requires_grad for item in module.parameters(recurse=False))
