"""`train`: TRL's SFTTrainer on prepared rows, resumable to the bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback

from ..base.disk import nearest, require_room
from ..base.errors import StoppedError, TrainerError
from ..base.files import sha256_json, sha256_of
from ..base.memory import is_out_of_memory
from ..base.session import Session
from ..base.tools import tool_versions
from ..data.packing import packed
from ..data.prepared import PreparedRows, read_prepared
from ..jobs import TrainJob, torch_threads
from ..models.checkpoints import Checkpoint, checkpoints, newest_valid, require_processes
from ..models.loading import (
    model_folder,
    model_identity,
    pick_device,
    quiet_libraries,
    torch_dtype,
    vocabulary_of,
)
from ..models.soundness import UnsoundError, name_last_good
from .averaging import averaged_steps, put_average_into, require_checkpoints
from .backends import Build, axolotl_backend, trl_backend
from .callbacks import Keeper, Reporter
from .careful import CarefulTrainer
from .evaluation import Evaluator, is_over, losses_of, mean_loss
from .less_memory import settings_that_take_less
from .meter import Meter, flops_per_token, peak_memory
from .ranks.parallel import Strategy
from .ranks.rank_batches import with_blank
from .ranks.split import numbers_in
from .ranks.together import Together
from .requirements import require_what_it_takes
from .results import save_result


def run_train(job: TrainJob, session: Session) -> dict[str, Any]:
    """Fills `output` with `adapter/` or `model/`, and `loss.jsonl`."""
    torch.set_num_threads(torch_threads(job.threads // session.rank.neighbours))
    quiet_libraries()
    device = pick_device(job.device)
    require_what_it_takes(job, device)
    job.report_to.require(os.environ)
    folder = model_folder(job.model, job.revision)
    backend = axolotl_backend if job.trainer == "axolotl" else trl_backend
    build, strategy = backend(job, session, device, folder)
    rows = read_prepared(Path(job.prepared), job.max_tokens, session.own / "rows.arrow")
    held_out = session.own / "holdout.arrow"
    holdout = read_prepared(Path(job.holdout), job.max_tokens, held_out) if job.holdout else None
    if len(rows) == 0:
        raise TrainerError("nothing-to-train", "the prepared file holds no row")
    if holdout is not None and len(holdout) == 0:
        raise TrainerError("nothing-to-measure", "the file of what is set aside holds no row", "set holdout to 0")
    # Before the adapter is built: TRL draws its first weights before it looks at the seed in its settings.
    set_seed(job.seed)
    try:
        return _trained(job, session, build, strategy, device, folder, rows, holdout)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise _too_little_memory(error, job, rows, device, session.rank.world) from error


def _too_little_memory(
    error: Exception, job: TrainJob, rows: PreparedRows, device: str, processes: int
) -> TrainerError:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    whose = "the GPU" if device == "cuda" else "this machine"
    settings = settings_that_take_less(job, rows.lengths(), device, processes)
    hint = f"any of these takes less: {'; '.join(settings)}" if settings else None
    return TrainerError("out-of-memory", f"the memory of {whose} did not suffice: {said}", hint)


def _trained(
    job: TrainJob,
    session: Session,
    build: Build,
    strategy: Strategy,
    device: str,
    folder: Path,
    rows: PreparedRows,
    holdout: PreparedRows | None,
) -> dict[str, Any]:
    """Loads, trains and saves; the facts."""
    # They have met when the settings were made.
    together = Together(session.rank)
    sequences = packed(rows.dataset, job.max_tokens, session.own / "packed.arrow") if job.packing else rows.dataset
    trainer = build(sequences if session.rank.is_alone else with_blank(sequences))
    if together.any(session.stop.is_set):
        raise StoppedError
    trainer.rows = len(sequences)
    trainer.remove_callback(PrinterCallback)
    trainer.probe, trainer.together, trainer.reporter = rows.row(rows.shortest), together, Reporter(session, together)
    trainer.reporter.meter = Meter(device, flops_per_token(trainer.model, rows), job.peak_tflops)
    trainer.add_callback(trainer.reporter)
    _check_vocabulary(trainer.model, [rows, *([] if holdout is None else [holdout])])

    root = session.work / "checkpoints"
    identity = _identity(job, folder, together.rank.world)
    found = _checkpoint_to_go_on_with(job, session, trainer, root, identity)
    if holdout is not None and job.evaluate_every_steps is not None:
        trainer.add_callback(Evaluator(session, together, holdout, job.evaluate_every_steps, job.patience, device))
    if together.rank.is_first:
        os.environ.update(job.report_to.variables(session.work, identity[:16]))
        for tracker in job.report_to.callbacks():
            trainer.add_callback(tracker)
    if together.any(session.stop.is_set):
        raise StoppedError(found.step if found else None)
    try:
        state = trainer.train_on(found, job.patience)
        if trainer.reporter.stopped and not is_over(state, job.patience):
            raise StoppedError(trainer.reporter.saved)
        trainer.check_end(state)
    except UnsoundError as error:
        raise (name_last_good(error, root) if together.rank.is_first else error) from error

    losses = [entry for entry in state.log_history if "loss" in entry]
    averaged = averaged_steps(job, state.global_step)
    if averaged:
        try:
            put_average_into(trainer, state, [root / f"checkpoint-{step}" for step in averaged], session)
        except StoppedError:
            raise StoppedError(state.global_step) from None
    # With these very weights it may have been measured already.
    holdout_loss = None if averaged else losses_of(state).get(state.global_step)
    if holdout is not None and holdout_loss is None:
        holdout_loss = mean_loss(trainer.model, holdout, device, together)
    trainable, total = _parameters(trainer.model)
    weights = trainer.gathered(torch_dtype(job.dtype) if job.method == "full" else torch.float32)
    if together.rank.is_first:
        save_result(job, trainer.model, weights, folder, losses, losses_of(state))
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
        "sequences": trainer.rows,
        "processes": together.rank.world,
        "strategy": strategy,
        "peak_memory_bytes": peak_memory(device),
        "resumed_from": found.step if found else None,
    }


def _checkpoint_to_go_on_with(
    job: TrainJob, session: Session, trainer: CarefulTrainer, root: Path, identity: str
) -> Checkpoint | None:
    """The first process looks for it, and at the room for further ones; all of them go on with the same."""
    together = trainer.together
    trainer.keeper = Keeper(session, together, identity, job.keep_checkpoints, job.average_checkpoints or 0)
    trainer.add_callback(trainer.keeper)
    found: Checkpoint | None = None
    if together.rank.is_first:
        require_processes(root, together.rank.world)
        found, problems = newest_valid(root, identity)
        for problem in problems:
            session.log(problem)
        if found is not None:
            session.log(f"continues from step {found.step}")
        _require_room(job, trainer, found)
        require_checkpoints(job, trainer, found, root, identity)
    first: Checkpoint | None = together.all(found)[0]
    return first


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
    size = vocabulary_of(model)
    highest = max(rows.highest for rows in parts)
    if highest >= size:
        raise TrainerError(
            "ids-outside-vocabulary",
            f"the rows hold token {highest}, and the model knows {size} tokens",
            "prepare the rows with this model",
        )


def _parameters(model: Any) -> tuple[int, int]:  # noqa: ANN401
    """Trained, and all. With an adapter PEFT counts: it knows that QLoRA packs two parameters into one number."""
    if isinstance(model, PeftModel):
        trainable, total = model.get_nb_trainable_parameters()
        return trainable, total
    counts = [(numbers_in(item), item.requires_grad) for item in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)


def _identity(job: TrainJob, folder: Path, processes: int) -> str:
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
            # What is measured on them in between is remembered by checkpoints, and may decide when to end.
            sha256_of(Path(job.holdout)) if job.holdout and job.evaluate_every_steps is not None else None,
            model_identity(folder),
            tool_versions(),
            processes,
        ]
    )
