"""The two that a training can be handed to: from job, model and rows to a trainer with all of it inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig

from ..base.session import Session
from ..jobs import TrainJob
from ..merging.nf4 import nf4_settings
from ..models.loading import load_model, load_tokenizer, parameters_in, torch_dtype
from .asked.requirements import attention_of
from .asked.settings import trl_settings
from .careful import CarefulTrainer
from .ranks.parallel import Strategy, hardware, prepare_environment, strategy_of
from .trainer import Trainer

Build = Callable[[Dataset], CarefulTrainer]
"""Loads the model, to learn from these. The settings of the job were looked at before, when it was asked for."""


def trl_backend(job: TrainJob, session: Session, device: str, folder: Path) -> tuple[Build, Strategy]:
    """TRL, and how its processes share the work."""
    world = session.rank.world
    strategy = strategy_of(job, parameters_in(folder), hardware(device, world))
    prepare_environment(strategy, job, device, os.environ)
    args = trl_settings(job, session.work / "checkpoints", device, world, strategy)
    settings: dict[str, Any] = {"attention": attention_of(job, device)}
    if strategy in ("alone", "ddp"):
        settings["device_map"] = {"": device}
    # A full run keeps its weights in float32 and computes in `dtype`: small steps vanish in bfloat16 weights.
    settings["dtype"] = torch.float32 if job.method == "full" else torch_dtype(job.dtype)
    if job.method == "qlora":
        settings["quantization_config"] = nf4_settings(torch_dtype(job.dtype))

    def build(sequences: Dataset) -> CarefulTrainer:
        return Trainer(
            model=load_model(folder, **settings),
            args=args,
            train_dataset=sequences,
            processing_class=load_tokenizer(str(folder), None),
            peft_config=_lora(job),
        )

    return build, strategy


def axolotl_backend(job: TrainJob, session: Session, device: str, folder: Path) -> tuple[Build, Strategy]:
    """Axolotl, which is imported only now: it is another environment that has it."""
    from .axolotl.build import build_axolotl, read_configuration
    from .axolotl.configuration import axolotl_configuration
    from .axolotl.extra import checked

    checkpoints, world = session.work / "checkpoints", session.rank.world
    extra = checked(job.extra, world)
    strategy = strategy_of(job, parameters_in(folder), hardware(device, world))
    told = axolotl_configuration(job, folder, checkpoints, device, attention_of(job, device), world, strategy)
    cfg = read_configuration(job, session, told | extra, device)

    def build(sequences: Dataset) -> CarefulTrainer:
        trainer: CarefulTrainer = build_axolotl(job, cfg, strategy, device, sequences)
        return trainer

    return build, strategy


def _lora(job: TrainJob) -> LoraConfig | None:
    if job.method == "full":
        return None
    return LoraConfig(
        r=job.lora.rank,
        lora_alpha=int(job.lora.alpha) if job.lora.alpha.is_integer() else job.lora.alpha,
        lora_dropout=job.lora.dropout,
        target_modules=job.lora.targets,
        task_type="CAUSAL_LM",
    )
