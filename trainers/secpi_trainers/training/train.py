"""`train`: TRL's SFTTrainer on prepared rows, resumable to the bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback

from ..base.disk import nearest, require_room
from ..base.errors import StoppedError, TrainerError
from ..base.memory import is_out_of_memory
from ..base.session import Session
from ..data.packing import write_packed
from ..data.prepared import PreparedRows, write_prepared
from ..jobs import TrainJob, torch_threads
from ..models.checkpoints import Checkpoint, checkpoints, newest_valid
from ..models.loading import (
    model_folder,
    pick_device,
    quiet_libraries,
    torch_dtype,
    vocabulary_of,
)
from ..models.soundness import UnsoundError, name_last_good
from .asked.less_memory import settings_that_take_less
from .asked.requirements import require_what_it_takes
from .backends import Build, axolotl_backend, trl_backend
from .careful import CarefulTrainer
from .kept.averaging import averaged_steps, put_average_into, require_checkpoints, require_whole
from .kept.begun import Begun, as_begun, made_with
from .kept.identity import CHECKPOINTS, identity_of
from .kept.keeping import most_more
from .kept.results import save_result
from .ranks.once import folder_of_machine, once_a_machine
from .ranks.rank_batches import with_blank
from .ranks.split import numbers_in
from .ranks.together import Together
from .watched.callbacks import Keeper, Reporter
from .watched.evaluation import Evaluator, HeldOut, is_over, losses_of
from .watched.meter import Meter, flops_per_token, peak_memory


def run_train(job: TrainJob, session: Session) -> dict[str, Any]:
    """Fills `output` with `adapter/` or `model/`, and `loss.jsonl`."""
    torch.set_num_threads(torch_threads(job.threads // session.rank.neighbours))
    quiet_libraries()
    device = pick_device(job.device)
    require_what_it_takes(job, device)
    job.report_to.require(os.environ)
    folder = model_folder(job.model, job.revision)
    root, identity = session.work / CHECKPOINTS, identity_of(job, folder)
    # Before the processes have met, after which the first one may remove a checkpoint: all of them see the same.
    job = as_begun(job, root, identity, session.rank.world, device)
    backend = axolotl_backend if job.trainer == "axolotl" else trl_backend
    build, strategy = backend(job, session, device, folder)
    # They have met when the settings were made.
    together = Together(session.rank)
    made = made_with(job, session.rank.world, strategy, device)
    if any(other != made for other in together.all(made)):
        raise TrainerError("cannot-share", "the machines of this training are not alike", "say parallel.strategy")
    rows = _mapped(Path(job.prepared), "rows.arrow", job, session, together)
    holdout = _mapped(Path(job.holdout), "holdout.arrow", job, session, together) if job.holdout else None
    if len(rows) == 0:
        raise TrainerError("nothing-to-train", "the prepared file holds no row")
    if holdout is not None and len(holdout) == 0:
        raise TrainerError("nothing-to-measure", "the file of what is set aside holds no row", "set holdout to 0")
    # Before the adapter is built: TRL draws its first weights before it looks at the seed in its settings.
    set_seed(job.seed)
    begun = Begun(root, identity, made)
    try:
        return _trained(job, session, together, build, begun, folder, rows, holdout)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise _too_little_memory(error, job, rows, device, session.rank.world) from error


def _mapped(path: Path, name: str, job: TrainJob, session: Session, together: Together) -> PreparedRows:
    """Rows, written by one process of each machine and mapped by all."""
    mapped = folder_of_machine(together.rank, session.work) / name
    facts = once_a_machine(together, lambda: write_prepared(path, job.max_tokens, mapped, session.stop))
    return PreparedRows(mapped, facts)


def _sequences(rows: PreparedRows, job: TrainJob, session: Session, together: Together) -> Dataset:
    """What is learnt from: rows, or what they are packed into."""
    if not job.packing:
        return rows.dataset
    mapped = folder_of_machine(together.rank, session.work) / "packed.arrow"
    once_a_machine(together, lambda: write_packed(rows.dataset, job.max_tokens, mapped))
    return Dataset.from_file(str(mapped))


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
    together: Together,
    build: Build,
    begun: Begun,
    folder: Path,
    rows: PreparedRows,
    holdout: PreparedRows | None,
) -> dict[str, Any]:
    """Loads, trains and saves; the facts."""
    device = begun.made["device"]
    sequences = _sequences(rows, job, session, together)
    trainer = build(sequences if session.rank.is_alone else with_blank(sequences))
    if together.any(session.stop.is_set):
        raise StoppedError
    trainer.rows = len(sequences)
    trainer.remove_callback(PrinterCallback)
    trainer.probe, trainer.together = rows.row(rows.facts.shortest), together
    trainer.reporter = Reporter(session, together)
    trainer.reporter.meter = Meter(device, flops_per_token(trainer.model, rows.facts), job.peak_tflops)
    trainer.add_callback(trainer.reporter)
    _check_vocabulary(trainer.model, [rows, *([] if holdout is None else [holdout])])

    found = _checkpoint_to_go_on_with(job, session, trainer, begun)
    held_out = evaluator = None
    if holdout is not None:
        held_out = HeldOut(holdout, device, together, session.stop, trainer.computing)
        if job.evaluate_every_steps is not None:
            evaluator = Evaluator(session, held_out, job.evaluate_every_steps, job.patience, trainer.reporter)
            trainer.add_callback(evaluator)
    if together.rank.is_first:
        os.environ.update(job.report_to.variables(session.work, begun.identity[:16]))
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
        # What is being marked is good, and to be named.
        trainer.keeper.settle()
        raise (name_last_good(error, begun.root) if together.rank.is_first else error) from error

    # From here on the last step is saved: whoever is stopped goes on from there.
    if evaluator is not None:
        evaluator.make_up(state, trainer.model)
    losses = [entry for entry in state.log_history if "loss" in entry]
    averaged = averaged_steps(job, state.global_step)
    if averaged:
        require_whole(averaged, found, begun.root, begun.identity)
        put_average_into(trainer, state, [begun.root / f"checkpoint-{step}" for step in averaged], session)
    # With these very weights it may have been measured already.
    holdout_loss = None if averaged else losses_of(state).get(state.global_step)
    if held_out is not None and holdout_loss is None:
        holdout_loss = held_out.mean_loss(trainer.model)
    trainable, total = _parameters(trainer.model)
    weights = trainer.gathered(torch_dtype(job.dtype) if job.method == "full" else torch.float32)
    if together.rank.is_first:
        save_result(job, trainer.model, weights, folder, losses, losses_of(state))
    return {
        "steps": state.global_step,
        "epochs": state.epoch,
        "rows": len(rows),
        "tokens": round(rows.facts.trained * (state.epoch or 0)),
        "prompt_tokens": round((rows.facts.tokens - rows.facts.trained) * (state.epoch or 0)),
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
        "strategy": begun.made["strategy"],
        "peak_memory_bytes": peak_memory(device),
        "resumed_from": found.step if found else None,
    }


def _checkpoint_to_go_on_with(
    job: TrainJob, session: Session, trainer: CarefulTrainer, begun: Begun
) -> Checkpoint | None:
    """The first process looks for it, and at the room for further ones; all of them go on with the same."""
    together = trainer.together
    trainer.keeper = Keeper(session, together, begun, job.keep_checkpoints, job.average_checkpoints or 0)
    trainer.add_callback(trainer.keeper)
    found: Checkpoint | None = None
    if together.rank.is_first:
        found, problems = newest_valid(begun.root, begun.identity)
        for problem in problems:
            session.log(problem)
        if found is not None:
            session.log(f"continues from step {found.step}")
        _require_room(job, trainer, found)
        require_checkpoints(job, trainer, found, begun.root, begun.identity)
    first: Checkpoint | None = together.all(found)[0]
    return first


def _require_room(job: TrainJob, trainer: CarefulTrainer, found: Checkpoint | None) -> None:
    """Hours later is too late to learn that a disk is too small."""
    dtype = torch_dtype(job.dtype) if job.method == "full" else torch.float32
    one, result = trainer.bytes_to_save(dtype.itemsize)
    there = [checkpoint.step for checkpoint in checkpoints(job.work_folder / CHECKPOINTS)]
    keep, every, averaged = job.keep_checkpoints, job.save_every_steps, job.average_checkpoints or 0
    left = one * most_more(there, trainer.saves_to_come(found), keep, every, averaged)
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
    highest = max(rows.facts.highest for rows in parts)
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
