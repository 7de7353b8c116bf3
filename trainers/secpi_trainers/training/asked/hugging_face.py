"""What both backends hand on to transformers, in its words."""

from __future__ import annotations

from typing import Any

from ...jobs import TrainJob


def schedule_of(job: TrainJob) -> tuple[str, dict[str, Any]]:
    """The shape of the learning rate, and what that shape takes besides."""
    if job.scheduler == "constant":
        return "constant_with_warmup", {}
    if job.minimum_rate == 0:
        return job.scheduler, {}
    return "cosine_with_min_lr", {"min_lr_rate": job.minimum_rate}


def warmup_of(job: TrainJob) -> float | int:
    """Steps; below 1, a share of all of them."""
    return job.warmup_ratio if job.warmup_ratio is not None else job.warmup_steps or 0


def steps_of(job: TrainJob) -> dict[str, Any]:
    """How far a step goes."""
    return {
        "learning_rate": job.learning_rate,
        "adam_beta1": job.adam.beta1,
        "adam_beta2": job.adam.beta2,
        "adam_epsilon": job.adam.epsilon,
        "weight_decay": job.weight_decay,
        "max_grad_norm": job.max_grad_norm,
    }


def optimizer_of(job: TrainJob, device: str) -> str:
    """The kernels of a GPU where there is one."""
    if job.optimizer == "adamw_8bit":
        return "adamw_bnb_8bit"
    return "adamw_torch_fused" if device == "cuda" else "adamw_torch"
