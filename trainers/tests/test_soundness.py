"""Weights that are worth nothing are neither kept, nor continued from, nor called done."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from secpi_trainers.models.checkpoints import MARK, checkpoints
from secpi_trainers.models.soundness import UnsoundError, check_end, check_step
from secpi_trainers.training.trainer import Trainer

from .support import Job, read_lines, run
from .test_train import train_job

LORA = {"method": "lora", "lora": {"rank": 2, "alpha": 4}}
RATES = {
    "the last step of all": (1, 1e30, "trainer/weights-not-finite"),
    "numbers beyond all bounds": (4, 1e30, "trainer/weights-not-finite"),
    "finite weights, infinite gradients": (4, 1e4, "trainer/gradient-not-finite"),
    "a loss that says it late": (6, 10.0, "trainer/gradient-not-finite"),
}


def sealed(job: Job) -> list[int]:
    found = checkpoints(job.work / "checkpoints")
    return sorted(item.step for item in found if (item.folder / MARK).exists())


def job_that_diverges(base: Path, prepared: Path, folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    settings = {
        **({} if "method" in keys else LORA),
        "save_every_steps": 1,
        "warmup_steps": 0,
        "gradient_accumulation": 1,
    }
    return train_job(base, prepared, folder, **settings | keys)


@pytest.mark.parametrize("name", RATES)
def test_a_rate_that_destroys_the_weights_is_never_done(base: Path, prepared: Path, tmp_path: Path, name: str) -> None:
    steps, rate, code = RATES[name]
    job = job_that_diverges(base, prepared, tmp_path, steps=steps, learning_rate=rate, max_grad_norm=1e30)
    for _ in range(2):
        assert run("train", job) == 1
        assert job.result["code"] == code
        assert not job.output.exists()
        losses = [event["loss"] for event in read_lines(job.work / "events.jsonl") if event["type"] == "metric"]
        good = [step for step in sealed(job) if step < len(losses)]
        # What is left has been followed by a step with a finite loss and gradient, and the message names the newest.
        assert sealed(job) == good
        named = f"checkpoint is {job.work}/checkpoints/checkpoint-{good[-1]}" if good else "no checkpoint was saved"
        assert named in job.result["message"]


def test_full_weights_that_break_are_never_done(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = job_that_diverges(base, prepared, tmp_path, method="full", steps=1, learning_rate=1e30)
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/weights-not-finite"
    assert (sealed(job), job.output.exists()) == ([], False)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_finite_weights_that_only_guess_are_never_done(base: Path, prepared: Path, tmp_path: Path, method: str) -> None:
    shape = LORA if method == "lora" else {"method": method}
    job = job_that_diverges(base, prepared, tmp_path, steps=1, learning_rate=100.0, **shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "check_end", lambda *_: None)
        assert run("train", job) == 0
    # They were saved, so they are finite; run again, nothing but the end is looked at.
    assert sealed(job) == [1]
    shutil.rmtree(job.output)
    for _ in range(2):
        assert run("train", job) == 1
        assert job.result["code"] == "trainer/diverged"
        assert (sealed(job), job.output.exists()) == ([], False)


def test_the_last_good_checkpoint_is_kept_and_named(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_that_diverges(base, prepared, tmp_path, steps=6, keep_checkpoints=6, learning_rate=1e-3)
    step = Trainer.training_step

    def poisoned(trainer: Trainer, model: Any, *rest: Any) -> Any:  # noqa: ANN401
        if trainer.state.global_step == 4:
            next(item for item in model.parameters() if item.requires_grad).data[0, 0] = float("nan")
        return step(trainer, model, *rest)

    monkeypatch.setattr(Trainer, "training_step", poisoned)
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/loss-not-finite"
    # What was kept after step 4 is what step 5 began with, so it may be to blame.
    assert sealed(job) == [1, 2, 3]
    assert job.result["message"].endswith(f"the last good checkpoint is {job.work}/checkpoints/checkpoint-3")
    monkeypatch.undo()
    assert run("train", job) == 0
    assert job.result["resumed_from"] == 3


def test_the_tiny_model_is_checked_as_well(data: Path, tmp_path: Path) -> None:
    job = Job(tmp_path / "work", tmp_path / "model")
    job.write(rows=data / "rows.jsonl", architecture={"hidden": 16, "mlp": 32}, steps=1, learning_rate=1e30)
    assert run("tiny", job) == 1
    assert job.result["code"] == "trainer/weights-not-finite"
    assert not job.output.exists()


@pytest.mark.parametrize(
    ("loss", "norm", "code"),
    [
        (float("nan"), 1.0, "trainer/loss-not-finite"),
        (1.0, float("inf"), "trainer/gradient-not-finite"),
        (5.77, 0.0, "trainer/diverged"),
        (1e-9, 0.0, None),
        (5.77, 0.1, None),
    ],
)
def test_what_a_step_may_say(loss: float, norm: float, code: str | None) -> None:
    if code is None:
        check_step(7, loss, norm)
        return
    with pytest.raises(UnsoundError) as raised:
        check_step(7, loss, norm)
    assert (raised.value.code, raised.value.since) == (code, 6)


@pytest.mark.parametrize(
    ("losses", "last", "since"),
    [
        # ln 320 is 5.768.
        ([4.5, 3.0, 5.77, 5.77], 5.77, 2),
        ([4.5, 3.0], 5.8, 2),
        ([4.5, 9.0], 5.8, 1),
        ([4.5, 5.77], 3.0, None),
        ([5.7, 5.8], 5.8, None),
    ],
)
def test_no_better_than_a_guess_is_not_done(losses: list[float], last: float, since: int | None) -> None:
    if since is None:
        check_end(losses, last, 320)
        return
    with pytest.raises(UnsoundError) as raised:
        check_end(losses, last, 320)
    assert raised.value.since == since


def test_bfloat16_and_empty_tensors_are_looked_into() -> None:
    from secpi_trainers.models.finite import not_finite

    fine = {"a": torch.zeros(3, dtype=torch.bfloat16), "empty": torch.zeros(0), "ids": torch.arange(3)}
    assert not_finite(fine.items()) is None
    fine["b"] = torch.tensor([1.0, float("-inf")], dtype=torch.bfloat16)
    assert not_finite(fine.items()) == "b"
