"""The loss on what is set aside, in between, and the end that comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.models.checkpoints import Checkpoint, discard
from secpi_trainers.training.watched.evaluation import is_exhausted

from .support import Job, digests, prepare, read_lines, run
from .test_train import train_job


@pytest.fixture(scope="module")
def known(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows that the base knows by heart, and forgets while it learns others."""
    return prepare(base, data / "rows.jsonl", tmp_path_factory.mktemp("known"))


def early_job(base: Path, prepared: Path, known: Path, folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    settings = {"evaluate_every_steps": 2, "patience": 2, "holdout": str(known), "save_every_steps": 4}
    return train_job(base, prepared, folder, gradient_accumulation=1, **settings | keys)


def test_ends_when_it_was_no_better_so_often_and_a_resume_ends_there_too(
    base: Path, prepared: Path, known: Path, tmp_path: Path
) -> None:
    job = early_job(base, prepared, known, tmp_path)
    assert run("train", job) == 0
    assert job.result["steps"] == 6
    lines = read_lines(job.output / "loss.jsonl")
    measured = {line["step"]: line["holdout_loss"] for line in lines if "holdout_loss" in line}
    assert list(measured) == [2, 4, 6]
    assert measured[2] < measured[4] < measured[6] == job.result["holdout_loss"]
    events = read_lines(job.work / "events.jsonl")
    assert [line["step"] for line in events if "holdout_loss" in line] == [2, 4, 6]

    whole = digests(job.output)
    again = Job(job.work, tmp_path / "again")
    again.path.write_text(job.path.read_text().replace(str(job.output), str(again.output)))
    # A job that is done trains no step more, though there are steps left.
    assert run("train", again) == 0
    assert again.result["resumed_from"] == 6
    assert digests(again.output) == whole
    discard(Checkpoint(job.work / "checkpoints" / "checkpoint-6", 6))
    assert run("train", again) == 0
    assert again.result["resumed_from"] == 4
    assert digests(again.output) == whole


def test_to_look_changes_nothing(base: Path, prepared: Path, known: Path, tmp_path: Path) -> None:
    made = []
    for name, keys in (("seldom", {"evaluate_every_steps": 5}), ("often", {"evaluate_every_steps": 1})):
        (tmp_path / name).mkdir()
        job = early_job(base, prepared, known, tmp_path / name, steps=5, patience=None, **keys)
        assert run("train", job) == 0
        made.append(digests(job.output / "adapter"))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("losses", "patience", "exhausted"),
    [
        ([3, 2, 1], 1, False),
        ([3, 2, 2], 1, True),
        ([3, 2, 2.5, 1.9], 2, False),
        ([3, 2, 2.5, 2.1], 2, True),
        ([3], 1, False),
        ([3, 4], 2, False),
        ([3, 4, 5], None, False),
    ],
)
def test_patience_ends_when_the_lowest_is_too_long_ago(
    losses: list[float], patience: int | None, exhausted: bool
) -> None:
    assert is_exhausted(losses, patience) is exhausted


def test_what_is_set_aside_belongs_to_the_job_where_checkpoints_remember_it(
    base: Path, prepared: Path, known: Path, tmp_path: Path
) -> None:
    job = early_job(base, prepared, known, tmp_path, steps=2, patience=None)
    assert run("train", job) == 0
    other = json.loads(job.path.read_text()) | {"holdout": str(prepared)}
    job.path.write_text(json.dumps(other))
    assert run("train", job) == 0
    assert job.result["resumed_from"] is None
