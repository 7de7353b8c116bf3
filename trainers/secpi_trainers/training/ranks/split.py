"""Weights that are split among processes: what of them is here, and all of them.

FSDP leaves tensors of its own (`DTensor`). With ZeRO-3 a parameter is empty unless it is in use, and what is trained is
a float32 copy that DeepSpeed keeps in parts; it is reached by the functions that DeepSpeed has for that.
"""

from __future__ import annotations

from typing import Any

import torch


def numbers_in(item: Any) -> int:  # noqa: ANN401
    """How many numbers a parameter has, over all processes."""
    count: int = getattr(item, "ds_numel", item.numel())
    return count


def here(item: Any) -> torch.Tensor:  # noqa: ANN401
    """A tensor, or of one that is split among processes the part that is here; of ZeRO-3's only what is trained."""
    if not hasattr(item, "ds_numel"):
        local: torch.Tensor = item.to_local() if hasattr(item, "to_local") else item
        return local
    import torch.distributed as dist
    from deepspeed.utils import safe_get_local_fp32_param

    part: torch.Tensor = safe_get_local_fp32_param(item)
    # The last parts are filled up with whatever was in memory.
    return part[: max(0, item.ds_numel - dist.get_rank() * part.numel())]


def whole(item: Any) -> torch.Tensor:  # noqa: ANN401
    """All of a tensor, on each of the processes; with ZeRO-3 in float32. To be called by all of them."""
    if not hasattr(item, "ds_numel"):
        full: torch.Tensor = item.full_tensor() if hasattr(item, "full_tensor") else item
        return full
    from deepspeed.utils import safe_get_full_fp32_param

    gathered: torch.Tensor = safe_get_full_fp32_param(item)
    return gathered
