"""The average of the last checkpoints: of those that the schedule asked for, whatever came in between."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from secpi_trainers.base.session import Session
from secpi_trainers.models.checkpoints import checkpoints, discard
from secpi_trainers.training.trainer import Trainer

from .support import Job, digests, run
from .test_ranks import LORA, job_in, smallest  # noqa: F401 - a fixture
from .test_train import train_job

AVERAGED = (6, 8, 9)
WEIGHTS = {"lora": ("adapter", "adapter_model.safetensors"), "full": ("model", "model.safetensors")}


def averaging_job(base: Path, prepared: Path, folder: Path, method: str, **keys: Any) -> Job:  # noqa: ANN401
    few = {"steps": 9, "save_every_steps": 2, "keep_checkpoints": 3, "average_checkpoints": 3, "method": method}
    return train_job(base, prepared, folder, **few | {"gradient_accumulation": 1} | keys)


def weights_of(job: Job, method: str) -> dict[str, torch.Tensor]:
    return dict(load_file(job.output.joinpath(*WEIGHTS[method])))


@pytest.mark.parametrize("method", WEIGHTS)
def test_the_result_is_the_mean_and_a_stop_changes_nothing(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    job = averaging_job(base, prepared, tmp_path / "whole", method)
    assert run("train", job) == 0, job.result
    assert job.result["averaged_steps"] == [*AVERAGED]
    kept = averaging_job(base, prepared, tmp_path / "kept", method, keep_checkpoints=9, average_checkpoints=None)
    assert run("train", kept) == 0
    assert kept.result["averaged_steps"] == []
    parts = [load_file(kept.work / f"checkpoints/checkpoint-{step}" / WEIGHTS[method][1]) for step in AVERAGED]
    last = weights_of(kept, method)
    for name, found in weights_of(job, method).items():
        mean = torch.stack([part[name].double() for part in parts]).mean(0)
        assert torch.equal(found, mean.float()), name
    assert any(not torch.equal(found, last[name]) for name, found in weights_of(job, method).items())
    assert not (job.work / "averaged").exists()

    stopped = averaging_job(base, prepared, tmp_path / "stopped", method)
    event, stops = Session.event, {4, 6}

    def watched(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
        event(session, kind, **values)
        if kind == "metric" and values["step"] in stops:
            stops.remove(values["step"])
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "event", watched)
        assert [run("train", stopped), run("train", stopped), run("train", stopped)] == [75, 75, 0]
    assert stopped.result["resumed_from"] == 7
    assert digests(stopped.output) == digests(job.output)


def test_too_few_are_refused_before_the_first_step(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = averaging_job(base, prepared, tmp_path, "lora", save_every_steps=5)
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/too-few-checkpoints"
    assert "leave 2" in job.result["message"]
    assert job.steps() == []
    kept = averaging_job(base, prepared, tmp_path, "lora", keep_checkpoints=2)
    assert run("train", kept) == 2
    assert "keep_checkpoints" in kept.result["message"]


def test_one_that_is_lost_is_missed_at_once(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = averaging_job(base, prepared, tmp_path, "lora")
    event = Session.event

    def watched(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
        event(session, kind, **values)
        if kind == "metric" and values["step"] == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "event", watched)
        assert run("train", job) == 75
    discard(next(item for item in checkpoints(job.work / "checkpoints") if item.step == 6))
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/too-few-checkpoints"
    assert "step 6" in job.result["message"]


def test_an_average_that_is_worth_nothing_is_no_result(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Trainer.load_weights

    def spoilt(trainer: Trainer, folder: Path) -> None:
        load(trainer, folder)
        next(item for _, item in trainer._trained()).data[0, 0] = float("nan")

    monkeypatch.setattr(Trainer, "load_weights", spoilt)
    job = averaging_job(base, prepared, tmp_path, "lora")
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/average-unsound"
    assert not job.output.exists()


def test_one_that_is_damaged_is_not_averaged_where_it_ended_early(
    smallest: tuple[Path, Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    # Nothing changes, so that the second evaluation is no better, and what was to be averaged is never made.
    early = {"steps": 9, "learning_rate": 1e-30, "evaluate_every_steps": 2, "patience": 1, "holdout": smallest[1]}
    job = job_in(tmp_path, smallest, **LORA, **early, save_every_steps=1, average_checkpoints=2)
    assert run("train", job) == 0
    assert job.result["averaged_steps"] == [3, 4]
    weights = job.work / "checkpoints" / "checkpoint-3" / WEIGHTS["lora"][1]
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/too-few-checkpoints"
    assert "the checkpoint of step 3 is to be averaged, and adapter_model" in job.result["message"]
