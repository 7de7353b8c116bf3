"""What a job computes on is never another device than was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.models import loading as models
from secpi_trainers.models.loading import pick_device

BROKEN = "The NVIDIA driver on your system is too old"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the driver shows that it is loaded."""
    shown = tmp_path / "nvidiactl"
    monkeypatch.setattr(models, "NVIDIA_DRIVER", (shown,))
    return shown


def without_gpu(monkeypatch: pytest.MonkeyPatch, built_for: str | None) -> None:
    """A build of PyTorch, and what happens when it is to use a GPU here."""

    def fail() -> None:
        raise RuntimeError(f"{BROKEN}\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", fail)
    monkeypatch.setattr(torch.version, "cuda", built_for)


def test_auto_is_the_cpu_where_there_is_no_driver(monkeypatch: pytest.MonkeyPatch, driver: Path) -> None:
    without_gpu(monkeypatch, None)
    assert pick_device("auto") == "cpu"


@pytest.mark.parametrize(("built_for", "why"), [("12.8", BROKEN), (None, "this build of PyTorch is for the CPU only")])
def test_auto_is_an_error_where_a_gpu_is_meant_and_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, driver: Path, built_for: str | None, why: str
) -> None:
    driver.touch()
    without_gpu(monkeypatch, built_for)
    with pytest.raises(TrainerError) as raised:
        pick_device("auto")
    assert raised.value.code == "trainer/no-cuda"
    expected = f"there is an NVIDIA driver here, and PyTorch cannot compute on a GPU: {why}"
    assert str(raised.value) == expected
    assert pick_device("cpu") == "cpu"


def test_cuda_is_never_the_cpu(monkeypatch: pytest.MonkeyPatch, driver: Path) -> None:
    without_gpu(monkeypatch, "12.8")
    with pytest.raises(TrainerError, match=f"the job asks for CUDA, .*: {BROKEN}"):
        pick_device("cuda")


def test_a_gpu_that_can_be_used_is_used(monkeypatch: pytest.MonkeyPatch, driver: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (pick_device("auto"), pick_device("cuda"), pick_device("cpu")) == ("cuda", "cuda", "cpu")
