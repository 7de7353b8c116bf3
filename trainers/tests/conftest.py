"""Shared parts of the tests: the environment of a trainer, rows, and a small model that knows them by heart."""

from __future__ import annotations

import os

# Before torch is imported anywhere: the OpenMP runtime reads these once.
os.environ.update(
    OMP_WAIT_POLICY="PASSIVE",
    OMP_NUM_THREADS="2",
    HF_HUB_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    PYTHONDONTWRITEBYTECODE="1",
)

from importlib.util import find_spec
from pathlib import Path

import pytest

from .support import SMALL, Job, prepare, run, samples, write_lines

# They run in another environment, by a run of their own.
collect_ignore = [] if find_spec("axolotl") else ["axolotl"]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rows.jsonl` (short answers), `samples.jsonl` (answers with a trace of their own) and `texts.jsonl`."""
    folder = tmp_path_factory.mktemp("data")
    write_lines(folder / "rows.jsonl", samples("naive"))
    write_lines(folder / "samples.jsonl", samples("careful"))
    write_lines(folder / "texts.jsonl", [{"text": row["completion"]} for row in samples("careful")])
    return folder


@pytest.fixture(scope="session")
def base(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a QwQ-like template that knows the naive rows by heart."""
    folder = tmp_path_factory.mktemp("base")
    job = Job(folder / "work", folder / "model")
    job.write(rows=data / "rows.jsonl", texts=[str(data / "texts.jsonl")], architecture=SMALL, steps=200, seed=3)
    assert run("tiny", job) == 0
    assert job.result["exact_rows"] == 6
    return job.output


@pytest.fixture(scope="session")
def prepared(base: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`prepared.jsonl` of the samples."""
    return prepare(base, data / "samples.jsonl", tmp_path_factory.mktemp("prepared"))
