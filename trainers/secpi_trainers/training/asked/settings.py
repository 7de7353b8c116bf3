"""From our training spec to TRL's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

from trl import SFTConfig

from ...jobs import TrainJob
from ..ranks.gpu import refuse_several
from ..ranks.parallel import Strategy, fsdp_precision, share_on_cpu_too, sharing_settings
from .extra import checked_extra, refuse_order
from .hugging_face import optimizer_of, schedule_of, steps_of, warmup_of
from .spec import TrainSpec

EXTRA = frozenset(
    {
        "activation_offloading",
        "average_tokens_across_devices",
        "dataloader_num_workers",
        "dataloader_persistent_workers",
        "dataloader_pin_memory",
        "dataloader_prefetch_factor",
        "ddp_broadcast_buffers",
        "ddp_bucket_cap_mb",
        "ddp_find_unused_parameters",
        "ddp_static_graph",
        "ddp_timeout",
        "full_determinism",
        "label_smoothing_factor",
        "liger_kernel_config",
        "neftune_noise_alpha",
        "optim_args",
        "pad_to_multiple_of",
        "router_aux_loss_coef",
        "tf32",
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "torch_empty_cache_steps",
        "train_sampling_strategy",
    }
)
"""Settings of TRL that a recipe may give as `extra`.

The others are set here from the spec, would undo what is promised (which rows, which checkpoints, which bytes), or
would write, load or send something that a stranger's recipe has no business with.
"""


def trl_settings(
    job: TrainJob, checkpoints: Path, device: str, ranks: int = 1, strategy: Strategy = "alone"
) -> SFTConfig:
    """What TRL is told. Throws `trainer/bad-extra`, `trainer/several-gpus`."""
    settings = (
        _from_spec(job, ranks)
        | sharing_settings(strategy, job)
        | {
            "output_dir": str(checkpoints),
            "optim": optimizer_of(job, device),
            "use_cpu": device == "cpu",
            "save_steps": job.save_every_steps,
        }
    )
    made = SFTConfig(**{**settings, **checked_for_trl(job, ranks)})
    refuse_several(made.n_gpu)
    if strategy == "fsdp":
        made.fsdp_plugin_args["mixed_precision_policy"] = fsdp_precision(job)
    if strategy in ("fsdp", "zero3") and device == "cpu":
        share_on_cpu_too(strategy)
    return made


def checked_for_trl(spec: TrainSpec, ranks: int) -> dict[str, Any]:
    """What the spec tells TRL itself. Throws `trainer/bad-extra`."""
    refuse_order(spec.extra, "train_sampling_strategy", ranks)
    return checked_extra(spec.extra, EXTRA, get_type_hints(SFTConfig), "TRL")


def _from_spec(job: TrainJob, ranks: int) -> dict[str, Any]:
    return {
        "num_train_epochs": job.epochs or 1,
        "max_steps": job.steps or -1,
        "per_device_train_batch_size": job.batch_size,
        "gradient_accumulation_steps": job.accumulation(ranks),
        **steps_of(job),
        **_schedule(job),
        "use_liger_kernel": job.loss == "liger",
        "loss_type": "chunked_nll" if job.loss == "chunked" else "nll",
        "bf16": job.dtype == "bfloat16",
        "fp16": False,
        "gradient_checkpointing": job.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if job.gradient_checkpointing else None,
        # Every parameter that is trained is used, in each step.
        "ddp_find_unused_parameters": False,
        "seed": job.seed,
        "data_seed": job.seed,
        # The rows are finished: nothing may render or cut them again. Where they are packed that is done too, and this
        # only says that a sequence holds several.
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": job.max_tokens if job.packing else None,
        "packing": job.packing,
        "packing_strategy": "bfd",
        # One line a step, so that no half-collected average is lost when a run stops between two lines.
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        **tracked(job),
        "disable_tqdm": True,
        "save_strategy": "steps",
        "save_total_limit": None,
    }


def tracked(job: TrainJob) -> dict[str, Any]:
    """What services that show curves find out; those that are told are callbacks of ours (`trackers.py`)."""
    project = job.report_to.trackio.project if job.report_to.trackio else "huggingface"
    return {"report_to": [], "run_name": job.model_name, "project": project}


def _schedule(job: TrainJob) -> dict[str, Any]:
    kind, more = schedule_of(job)
    told = {"lr_scheduler_type": kind, "warmup_steps": warmup_of(job)}
    return told | ({"lr_scheduler_kwargs": more} if more else {})
