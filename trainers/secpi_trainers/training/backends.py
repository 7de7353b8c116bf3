"""The two that a training can be handed to: from job, model and rows to a trainer with all of it inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig

from ..base.errors import StoppedError, TrainerError
from ..base.session import Session
from ..data.packing import packed
from ..data.prepared import PreparedRows
from ..jobs import TrainJob
from ..merging.nf4 import nf4_settings
from ..models.loading import load_model, load_tokenizer, parameters_in, torch_dtype
from .careful import CarefulTrainer
from .parallel import Strategy, hardware, prepare_environment, strategy_of
from .requirements import attention_of
from .settings import trl_settings
from .together import Together
from .trainer import Trainer, with_blank

Build = Callable[[PreparedRows, Together], CarefulTrainer]
"""Loads the model. What the settings of a job are worth is looked at before, when such a function is asked for."""


def trl_backend(job: TrainJob, session: Session, device: str, folder: Path) -> tuple[Build, Strategy]:
    """TRL, and how its processes share the work."""
    world = session.rank.world
    strategy = strategy_of(job, parameters_in(folder), hardware(device, world))
    prepare_environment(strategy, job, os.environ)
    args = trl_settings(job, session.work / "checkpoints", device, world, strategy)
    settings: dict[str, Any] = {"attention": attention_of(job, device)}
    if strategy in ("alone", "ddp"):
        settings["device_map"] = {"": device}
    # A full run keeps its weights in float32 and computes in `dtype`: small steps vanish in bfloat16 weights.
    settings["dtype"] = torch.float32 if job.method == "full" else torch_dtype(job.dtype)
    if job.method == "qlora":
        settings["quantization_config"] = nf4_settings(torch_dtype(job.dtype))

    def build(rows: PreparedRows, together: Together) -> CarefulTrainer:
        model = load_model(folder, **settings)
        if together.any(session.stop.is_set):
            raise StoppedError
        file = session.own / "packed.arrow"
        sequences = packed(rows.dataset, job.max_tokens, file) if job.packing else rows.dataset
        trainer = Trainer(
            model=model,
            args=args,
            train_dataset=sequences if session.rank.is_alone else with_blank(sequences),
            processing_class=load_tokenizer(str(folder), None),
            peft_config=_lora(job),
        )
        trainer.rows = len(sequences)
        return trainer

    return build, strategy


def axolotl_backend(job: TrainJob, session: Session, device: str, folder: Path) -> tuple[Build, Strategy]:
    """Axolotl, which is imported only now: it is another environment that has it."""
    from .axolotl.build import build_axolotl
    from .axolotl.configuration import axolotl_configuration
    from .axolotl.extra import checked_extra

    if not session.rank.is_alone:
        raise TrainerError("cannot-share", "with Axolotl a training runs on one GPU", "use `trainer: trl`")
    extra = checked_extra(job.extra)
    told = axolotl_configuration(job, folder, session.work / "checkpoints", device, attention_of(job, device))

    def build(rows: PreparedRows, _together: Together) -> CarefulTrainer:
        trainer: CarefulTrainer = build_axolotl(job, session, told | extra, device, rows)
        trainer.rows = len(trainer.train_dataset)
        return trainer

    return build, "alone"


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
