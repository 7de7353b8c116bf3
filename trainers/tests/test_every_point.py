"""A run that was killed at any point at all ends with the same bytes after the same number of steps."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from .interrupted import ACCUMULATED, assert_a_kill_changes_nothing, assert_a_stop_changes_nothing
from .points import points
from .support import Job, run, samples, write_lines

SMALLEST = {"hidden": 16, "layers": 1, "heads": 1, "kv_heads": 1, "mlp": 32, "context": 512, "vocabulary": 320}

LORA = {"method": "lora", "lora": {"rank": 2, "alpha": 4, "dropout": 0.1}}
# Six rows; the last step is never the end of an epoch.
SHORT: dict[str, dict[str, Any]] = {
    "lora, 4 steps": {**LORA, "steps": 4, "save_every_steps": 3, "batch_size": 2},
    "lora, fractional epochs": {**LORA, "epochs": 1.25, "save_every_steps": 3, "batch_size": 2},
    "full, fractional epochs": {"method": "full", "epochs": 1.25, "save_every_steps": 3, "batch_size": 2},
}
LONG: dict[str, dict[str, Any]] = {
    "lora, 20 steps": {**LORA, "steps": 20, "save_every_steps": 4},
    "lora, accumulated": {
        **LORA,
        "steps": 20,
        "save_every_steps": 3,
        "gradient_accumulation": 2,
        "keep_checkpoints": 3,
    },
    "lora, fractional epochs": {**LORA, "epochs": 3.3, "save_every_steps": 6},
    "full, 20 steps": {"method": "full", "steps": 20, "save_every_steps": 7},
    "full, fractional epochs": {"method": "full", "epochs": 3.3, "save_every_steps": 6},
}
ALL = os.environ.get("SECPI_EVERY_POINT") == "1"
"""Takes many minutes; see CONTRIBUTING.md."""
EVERY_FILE = {*SHORT} if ALL else {"lora, 4 steps"}
"""Where each operation on a file is a point; elsewhere only the lines of events are."""


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model folder and prepared rows, as small as they come."""
    folder = tmp_path_factory.mktemp("smallest")
    write_lines(folder / "rows.jsonl", samples("careful"))
    model = Job(folder / "tiny", folder / "model")
    assert run("tiny", model.write(rows=folder / "rows.jsonl", architecture=SMALLEST, steps=1, threads=1)) == 0
    rows = Job(folder / "prepare", folder / "rows")
    assert run("prepare", rows.write(model=model.output, samples=folder / "rows.jsonl", max_tokens=500)) == 0
    return model.output, rows.output / "prepared.jsonl"


def job_in(folder: Path, model: Path, prepared: Path, keys: dict[str, Any]) -> Job:
    job = Job(folder / "work", folder / "out")
    job.path = folder / "job.json"
    return job.write(
        model=model,
        model_name="smallest",
        prepared=prepared,
        learning_rate=1e-2,
        max_tokens=500,
        dtype="float32",
        gradient_checkpointing=False,
        device="cpu",
        threads=1,
        **keys,
    )


@pytest.fixture(scope="module")
def accumulated(smallest: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = job_in(tmp_path_factory.mktemp("accumulated"), *smallest, LORA | ACCUMULATED)
    assert run("train", job) == 0
    return job


@pytest.mark.parametrize("stopped", [1, 2, 4, 5, 7, 8, 9])
def test_stopped_after_any_micro_batch_it_ends_the_same(
    smallest: tuple[Path, Path], accumulated: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    job = job_in(tmp_path, *smallest, LORA | ACCUMULATED)
    assert_a_stop_changes_nothing(job, accumulated, stopped, monkeypatch)


@pytest.mark.parametrize(("name", "keys"), [*SHORT.items(), *(LONG.items() if ALL else ())])
def test_killed_anywhere_it_ends_the_same(
    smallest: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, keys: dict[str, Any]
) -> None:
    # What has been imported stays: the Trainer collects garbage in each run, and would look through all of it.
    gc.freeze()
    whole = job_in(tmp_path / "whole", *smallest, keys)
    states = points("train", whole, tmp_path / "states", monkeypatch, files=name in EVERY_FILE or keys in LONG.values())
    assert len(states) >= (40 if name in EVERY_FILE else 4)
    assert_a_kill_changes_nothing(states, whole, lambda folder: job_in(folder, *smallest, keys))
