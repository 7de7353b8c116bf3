"""`train`: a trainer that people trust, on prepared rows, resumable to the bit."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback
from trl import SFTConfig

from ..base.disk import nearest, require_room
from ..base.errors import StoppedError, TrainerError
from ..base.files import put_in_place, sha256_json, sha256_of, staging
from ..base.session import Session
from ..base.tools import tool_versions
from ..data.packing import packed
from ..data.prepared import PreparedRows, read_prepared
from ..jobs import TrainJob
from ..merging.adapters import save_adapter
from ..merging.nf4 import nf4_settings
from ..models.checkpoints import Checkpoint, checkpoints, newest_valid
from ..models.loading import (
    copy_companions,
    load_model,
    load_tokenizer,
    model_folder,
    model_identity,
    pick_device,
    quiet_libraries,
    torch_dtype,
)
from ..models.soundness import UnsoundError, name_last_good
from .averaging import averaged_steps, put_average_into, require_checkpoints
from .callbacks import Keeper, Reporter
from .careful import CarefulTrainer
from .evaluation import KEY, Evaluator, is_over, losses_of, mean_loss
from .meter import Meter, flops_per_token, peak_memory
from .requirements import attention_of, require_what_it_takes
from .settings import trl_settings
from .trainer import Trainer

Build = Callable[[Path, PreparedRows], CarefulTrainer]
"""From the model's folder and the rows to a trainer with both in it; settings were looked at before."""


def run_train(job: TrainJob, session: Session) -> dict[str, Any]:
    """Fills `output` with `adapter/` or `model/`, and `loss.jsonl`."""
    torch.set_num_threads(job.torch_threads)
    quiet_libraries()
    device = pick_device(job.device)
    require_what_it_takes(job, device)
    job.report_to.require(os.environ)
    build = _with_axolotl if job.trainer == "axolotl" else _with_trl
    trainer_of = build(job, session, device)
    rows = read_prepared(Path(job.prepared), job.max_tokens, session.work / "rows.arrow")
    held_out = session.work / "holdout.arrow"
    holdout = read_prepared(Path(job.holdout), job.max_tokens, held_out) if job.holdout else None
    if len(rows) == 0:
        raise TrainerError("nothing-to-train", "the prepared file holds no row")
    folder = model_folder(job.model, job.revision)
    # Before the adapter is built: TRL draws its first weights before it looks at the seed in its settings.
    set_seed(job.seed)
    trainer = trainer_of(folder, rows)
    trainer.remove_callback(PrinterCallback)
    trainer.probe = rows.row(rows.shortest)
    reporter = Reporter(session)
    reporter.meter = Meter(device, flops_per_token(trainer.model, rows), job.peak_tflops)
    trainer.add_callback(reporter)
    _check_vocabulary(trainer.model, [rows, *([holdout] if holdout else [])])

    root, identity = session.work / "checkpoints", _identity(job, folder)
    trainer.add_callback(Keeper(session, identity, job.keep_checkpoints, job.average_checkpoints or 0))
    if holdout is not None and job.evaluate_every_steps is not None:
        trainer.add_callback(Evaluator(session, holdout, job.evaluate_every_steps, job.patience, device))
    os.environ.update(job.report_to.variables(session.work, identity[:16]))
    for tracker in job.report_to.callbacks():
        trainer.add_callback(tracker)
    found, problems = newest_valid(root, identity)
    for problem in problems:
        session.log(problem)
    if found is not None:
        session.log(f"continues from step {found.step}")
    _require_room(job, trainer, found)
    require_checkpoints(job, trainer, found, root, identity)
    session.stop.check()
    try:
        state = trainer.train_on(found, job.patience)
        if session.stop.is_set and not is_over(state, job.patience):
            raise StoppedError
        trainer.check_end(state)
    except UnsoundError as error:
        raise name_last_good(error, root) from error

    losses = [entry for entry in state.log_history if "loss" in entry]
    averaged = averaged_steps(job, state.global_step)
    if averaged:
        put_average_into(trainer, state, [root / f"checkpoint-{step}" for step in averaged], session)
    holdout_loss = mean_loss(trainer.model, holdout, device) if holdout else None
    trainable, total = _parameters(trainer.model)
    _save(job, trainer.model, folder, losses, losses_of(state))
    return {
        "steps": state.global_step,
        "epochs": state.epoch,
        "rows": len(rows),
        "tokens": round(rows.trained * (state.epoch or 0)),
        "prompt_tokens": round((rows.tokens - rows.trained) * (state.epoch or 0)),
        "first_loss": losses[0]["loss"],
        "final_loss": losses[-1]["loss"],
        "averaged_steps": averaged,
        "holdout_loss": holdout_loss,
        "trainable_parameters": trainable,
        "total_parameters": total,
        "device": device,
        "attention": trainer.model.config._attn_implementation,
        "sequences": len(trainer.train_dataset),
        "peak_memory_bytes": peak_memory(device),
        "resumed_from": found.step if found else None,
    }


def _require_room(job: TrainJob, trainer: CarefulTrainer, found: Checkpoint | None) -> None:
    """Hours later is too late to learn that a disk is too small."""
    dtype = torch_dtype(job.dtype) if job.method == "full" else torch.float32
    one, result = trainer.bytes_to_save(dtype.itemsize)
    # An old checkpoint goes when the new one is whole: for a while there is one more than are kept.
    spare = job.keep_checkpoints + 1 - len(checkpoints(job.work_folder / "checkpoints"))
    left = one * min(trainer.saves_to_come(found), max(1, spare))
    if job.average_checkpoints is not None:
        # Of a checkpoint a third are weights, and of those one more is made.
        left += one // 3
    if job.work_folder.stat().st_dev == nearest(job.output_folder).stat().st_dev:
        require_room(job.work_folder, left + result, "checkpoints and the result")
        return
    require_room(job.work_folder, left, "checkpoints")
    require_room(job.output_folder, result, "the trained weights")


def _check_vocabulary(model: Any, parts: list[PreparedRows]) -> None:  # noqa: ANN401
    size: int = model.get_input_embeddings().weight.shape[0]
    highest = max(rows.highest for rows in parts)
    if highest >= size:
        raise TrainerError(
            "ids-outside-vocabulary",
            f"the rows hold token {highest}, and the model knows {size} tokens",
            "prepare the rows with this model",
        )


def _with_axolotl(job: TrainJob, session: Session, device: str) -> Build:
    """Imported only now: it is another environment that has it."""
    from .axolotl.build import build_axolotl
    from .axolotl.configuration import axolotl_configuration
    from .axolotl.extra import checked_extra

    extra = checked_extra(job.extra)

    def build(folder: Path, rows: PreparedRows) -> CarefulTrainer:
        attention = attention_of(job, device)
        told = axolotl_configuration(job, folder, session.work / "checkpoints", device, attention)
        trainer: CarefulTrainer = build_axolotl(job, session, told | extra, device, rows)
        return trainer

    return build


def _with_trl(job: TrainJob, session: Session, device: str) -> Build:
    args = trl_settings(job, session.work / "checkpoints", device)
    return lambda folder, rows: _build_trl(job, session, args, device, folder, rows)


def _build_trl(
    job: TrainJob, session: Session, args: SFTConfig, device: str, folder: Path, rows: PreparedRows
) -> Trainer:
    dtype = torch_dtype(job.dtype)
    settings: dict[str, Any] = {"device_map": {"": device}, "attention": attention_of(job, device)}
    # A full run keeps its weights in float32 and computes in `dtype`: small steps vanish in bfloat16 weights.
    settings["dtype"] = torch.float32 if job.method == "full" else dtype
    if job.method == "qlora":
        settings["quantization_config"] = nf4_settings(dtype)
    model = load_model(folder, **settings)
    session.stop.check()
    sequences = packed(rows.dataset, job.max_tokens, session.work / "packed.arrow") if job.packing else rows.dataset
    return Trainer(
        model=model,
        args=args,
        train_dataset=sequences,
        processing_class=load_tokenizer(str(folder), None),
        peft_config=_lora(job),
    )


def _parameters(model: Any) -> tuple[int, int]:  # noqa: ANN401
    """Trained, and all. With an adapter PEFT counts: it knows that QLoRA packs two parameters into one number."""
    if isinstance(model, PeftModel):
        trainable, total = model.get_nb_trainable_parameters()
        return trainable, total
    counts = [(item.numel(), item.requires_grad) for item in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)


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


def _identity(job: TrainJob, folder: Path) -> str:
    """Changes with everything that changes the result, and with nothing else."""
    places = {
        "work",
        "output",
        "events",
        "lifeline",
        "threads",
        "model",
        "prepared",
        "holdout",
        "keep_checkpoints",
        "peak_tflops",
        "report_to",
    }
    if job.average_checkpoints is None:
        places.add("save_every_steps")
    return sha256_json(
        [
            job.model_dump(exclude=places),
            sha256_of(Path(job.prepared)),
            # Which rows are set aside decides when to end, if anything does.
            sha256_of(Path(job.holdout)) if job.holdout and job.patience is not None else None,
            model_identity(folder),
            tool_versions(),
        ]
    )


def _save(job: TrainJob, model: Any, base: Path, losses: list[dict[str, Any]], held_out: dict[int, float]) -> None:  # noqa: ANN401
    keys = ("step", "epoch", "loss", "learning_rate", "grad_norm")
    lines = [
        {key: _plain(entry.get(key)) for key in keys}
        | ({KEY: held_out[entry["step"]]} if entry["step"] in held_out else {})
        for entry in losses
    ]
    with staging(job.output_folder) as build:
        if job.method == "full":
            model.to(torch_dtype(job.dtype)).save_pretrained(build / "model")
            copy_companions(base, build / "model")
            put_in_place(build / "model", job.output_folder / "model")
        else:
            save_adapter(model, build / "adapter", job.model_name, job.revision)
            put_in_place(build / "adapter", job.output_folder / "adapter")
        (build / "loss.jsonl").write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
        put_in_place(build / "loss.jsonl", job.output_folder / "loss.jsonl")


def _plain(value: Any) -> float | int | None:  # noqa: ANN401 - tensors and numbers
    number = value.item() if hasattr(value, "item") else value
    return number if isinstance(number, (int, float)) and math.isfinite(number) else None
