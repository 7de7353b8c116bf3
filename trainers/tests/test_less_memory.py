"""Memory that did not suffice is recognised, and answered with settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from secpi_trainers.base.memory import is_out_of_memory
from secpi_trainers.jobs import TrainJob, check_job
from secpi_trainers.training.asked.less_memory import settings_that_take_less
from secpi_trainers.training.trainer import Trainer

from .support import run
from .test_jobs import train_job
from .test_ranks import FULL, job_in, smallest  # noqa: F401 - a fixture

LENGTHS = [100, 200, 700, 1000]


def job(folder: Path, **keys: Any) -> TrainJob:  # noqa: ANN401
    document = json.loads(train_job(folder).path.read_text()) | {"max_tokens": 2000} | keys
    checked = check_job("train", document)
    assert isinstance(checked, TrainJob)
    return checked


@pytest.mark.parametrize(
    ("keys", "device", "processes", "expected"),
    [
        (
            {"batch_size": 5, "gradient_accumulation": 2, "gradient_checkpointing": False, "loss": "plain"},
            "cuda",
            1,
            [
                "batch_size: 1 with gradient_accumulation: 10, the same step in more passes",
                "gradient_checkpointing: true",
                "loss: chunked",
                "method: qlora, where bitsandbytes is installed",
                "max_tokens: 448, which drops 2 of 4 rows (50 %)",
            ],
        ),
        ({"packing": True, "batch_size": 1}, "cpu", 1, ["max_tokens: 960, which drops 1 of 4 rows (25 %)"]),
        (
            {"method": "full", "lora": {}},
            "cuda",
            8,
            [
                "method: lora, or parallel: {strategy: fsdp, offload: true}",
                "max_tokens: 448, which drops 2 of 4 rows (50 %)",
            ],
        ),
    ],
)
def test_what_would_take_less(
    tmp_path: Path, keys: dict[str, Any], device: str, processes: int, expected: list[str]
) -> None:
    base = {"batch_size": 1, "gradient_checkpointing": True}
    assert settings_that_take_less(job(tmp_path, **(base | keys)), LENGTHS, device, processes) == expected


def test_an_allocation_that_fails_ends_the_training_with_them(
    smallest: tuple[Path, Path],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Trainer, "training_step", lambda *_, **__: torch.empty(1 << 50))
    training = job_in(tmp_path, smallest, **FULL, batch_size=4)
    assert run("train", training) == 1
    result = training.result
    assert result["code"] == "trainer/out-of-memory"
    assert result["message"].startswith("the memory of this machine did not suffice: ")
    assert "batch_size: 2 with gradient_accumulation: 2" in result["hint"]
    assert "of 7 rows" in result["hint"]


def test_it_is_known_by_its_words_too() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
