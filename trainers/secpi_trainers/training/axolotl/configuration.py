"""From our training spec to Axolotl's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...jobs import TrainJob
from ..asked.hugging_face import optimizer_of, schedule_of, steps_of
from ..ranks.parallel import Strategy, zero3_config
from .refuse import refuse_for_axolotl

KERNELS = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")
"""Fused with CUDA in mind: Axolotl switches them on by itself, and without a GPU they do not compute."""

LIGER = {
    "plugins": ["axolotl.integrations.liger.LigerPlugin"],
    "liger_rope": True,
    "liger_rms_norm": True,
    "liger_glu_activation": True,
    "liger_fused_linear_cross_entropy": True,
}
"""What TRL takes of that package."""


def axolotl_configuration(
    job: TrainJob,
    folder: Path,
    checkpoints: Path,
    device: str,
    attention: str,
    ranks: int = 1,
    strategy: Strategy = "alone",
) -> dict[str, Any]:
    """What Axolotl is told, less `extra`. Throws `trainer/not-with-axolotl`.

    What is not the spec's says that nothing is to be rendered, cut, packed, measured, reported or sent: the rows are
    finished, and the rest is done by secpi as it is under TRL.
    """
    refuse_for_axolotl(job)
    return {
        **_model(job, folder, device, attention),
        **_adapter(job, device),
        **_steps(job, ranks),
        **_sharing(strategy, job),
        **_optimiser(job, device),
        **(LIGER if job.loss == "liger" else {}),
        "sequence_len": job.max_tokens,
        # It wants to know where rows come from, and is handed them.
        "datasets": [{"path": job.prepared, "ds_type": "json", "type": ""}],
        "dataset_prepared_path": str(checkpoints / "never"),
        "excess_length_strategy": "raise",
        "sample_packing": False,
        "pad_to_sequence_len": False,
        "remove_unused_columns": False,
        "val_set_size": 0,
        "output_dir": str(checkpoints),
        "save_steps": job.save_every_steps,
        "logging_steps": 1,
        # Its count of tokens is one more thing that all processes would write into a checkpoint.
        "include_tkps": False,
        "seed": job.seed,
    }


def _sharing(strategy: Strategy, job: TrainJob) -> dict[str, Any]:
    """How several GPUs share the work; the same as TRL is told."""
    if strategy == "fsdp":
        return {
            "fsdp_version": 2,
            "fsdp_config": {
                "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
                "reshard_after_forward": True,
                "state_dict_type": "SHARDED_STATE_DICT",
                "cpu_ram_efficient_loading": True,
                "offload_params": job.parallel.offload,
                "activation_checkpointing": False,
            },
        }
    if strategy == "zero3":
        return {"deepspeed": zero3_config(job.parallel.offload)}
    return {}


def _model(job: TrainJob, folder: Path, device: str, attention: str) -> dict[str, Any]:
    return {
        "base_model": str(folder),
        "trust_remote_code": False,
        "model_kwargs": {"use_safetensors": True},
        "device_map": {"": "cuda:0" if device == "cuda" else device},
        "attn_implementation": attention,
        "bf16": job.dtype == "bfloat16",
        "fp16": False,
        "gradient_checkpointing": job.gradient_checkpointing,
        **({"gradient_checkpointing_kwargs": {"use_reentrant": False}} if job.gradient_checkpointing else {}),
    }


def _adapter(job: TrainJob, device: str) -> dict[str, Any]:
    if job.method == "full":
        return {}
    targets = job.lora.targets
    return {
        "adapter": job.method,
        "load_in_4bit": job.method == "qlora",
        "lora_r": job.lora.rank,
        "lora_alpha": int(job.lora.alpha),
        "lora_dropout": job.lora.dropout,
        # It would write null into the adapter's settings.
        "lora_fan_in_fan_out": False,
        **({"lora_target_linear": True} if targets == "all-linear" else {"lora_target_modules": list(targets)}),
        **({} if device == "cuda" else dict.fromkeys(KERNELS, False)),
    }


def _steps(job: TrainJob, ranks: int) -> dict[str, Any]:
    warmup = {"warmup_steps": job.warmup_steps or 0} if job.warmup_ratio is None else {"warmup_ratio": job.warmup_ratio}
    return {
        "num_epochs": job.epochs or 1.0,
        **({"max_steps": job.steps} if job.steps else {}),
        "micro_batch_size": job.batch_size,
        "gradient_accumulation_steps": job.accumulation(ranks),
        **warmup,
    }


def _optimiser(job: TrainJob, device: str) -> dict[str, Any]:
    return {
        "optimizer": optimizer_of(job, device),
        **steps_of(job),
        **_schedule(job),
    }


def _schedule(job: TrainJob) -> dict[str, Any]:
    kind, more = schedule_of(job)
    return {"lr_scheduler": kind, **({"lr_scheduler_kwargs": more} if more else {})}
