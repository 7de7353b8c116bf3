"""What a recipe may tell Axolotl itself, which drops misspelt keys without a word, and has some that send data away."""

from __future__ import annotations

from typing import Any

from ..asked.extra import checked_extra, refuse_order

EXTRA = frozenset(
    {
        "activation_offloading",
        "dataloader_num_workers",
        "dataloader_pin_memory",
        "dataloader_prefetch_factor",
        "ddp_broadcast_buffers",
        "ddp_bucket_cap_mb",
        "ddp_find_unused_parameters",
        "ddp_timeout",
        "embedding_lr",
        "embedding_lr_scale",
        "gc_collect_steps",
        "group_by_length",
        "layer_offloading",
        "lora_mlp_kernel",
        "lora_o_kernel",
        "lora_qkv_kernel",
        "loraplus_lr_embedding",
        "loraplus_lr_ratio",
        "low_cpu_mem_usage",
        "neftune_noise_alpha",
        "optim_args",
        "selective_checkpointing",
        "tf32",
        "tiled_mlp",
        "tiled_mlp_num_shards",
        "tiled_mlp_use_original_mlp",
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "torch_empty_cache_steps",
    }
)
"""Settings of Axolotl that a recipe may give as `extra`.

The others are set from the spec, would undo what is promised (which rows, which checkpoints, which bytes), or would
write, load or send something that a stranger's recipe has no business with.
"""


def checked(extra: dict[str, Any], ranks: int = 1) -> dict[str, Any]:
    """Each of the right kind, as Axolotl's own schema declares it. Throws `trainer/bad-extra`."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    kinds = {name: field.annotation for name, field in AxolotlInputConfig.model_fields.items()}
    refuse_order(extra, "group_by_length", ranks)
    return checked_extra(extra, EXTRA, kinds, "Axolotl")
