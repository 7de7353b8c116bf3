"""What a recipe may tell Axolotl itself, which drops misspelt keys without a word, and has some that send data away."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ...base.errors import TrainerError

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


def checked_extra(extra: dict[str, Any]) -> dict[str, Any]:
    """Each of the right kind, as Axolotl's own schema declares it. Throws `trainer/bad-extra`."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    fields = AxolotlInputConfig.model_fields
    for name, value in extra.items():
        if name not in EXTRA:
            raise TrainerError("bad-extra", _why_not(name, set(fields)), f"it may be one of {', '.join(sorted(EXTRA))}")
        try:
            TypeAdapter(fields[name].annotation, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"]
            raise TrainerError("bad-extra", f"`extra.{name}`: {said}") from error
    return extra


def _why_not(name: str, known: set[str]) -> str:
    if name in known:
        return f"`extra.{name}` is not for recipes: secpi sets it, or it would undo what secpi promises"
    close = difflib.get_close_matches(name, EXTRA, n=1)
    return f"Axolotl knows no setting `{name}`" + (f"; did you mean `{close[0]}`?" if close else "")
