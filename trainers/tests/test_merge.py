"""Merging: the same answers as base and adapter together, or a failure with a code."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from secpi_trainers.merging import merge_check

from .support import Job, digests, read_lines, run
from .test_train import train_job


@pytest.fixture(scope="module")
def adapter(base: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    job = train_job(base, prepared, tmp_path_factory.mktemp("adapter"), steps=6)
    assert run("train", job) == 0
    return job.output / "adapter"


def merge_job(base: Path, adapter: Path, folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    job = Job(folder / "work", folder / "out")
    return job.write(model=base, adapter=adapter, device="cpu", **{"dtype": "float32"} | keys)


def test_answers_as_base_and_adapter_did(base: Path, adapter: Path, prepared: Path, tmp_path: Path) -> None:
    job = merge_job(base, adapter, tmp_path / "a", prepared=prepared, threads=1)
    assert run("merge", job) == 0
    result = job.result
    assert 0 <= result["max_difference"] < 1e-4
    assert result["same_choice"] == 1.0
    assert result["checked_rows"] == 4
    model = digests(job.output / "model")
    assert model["model.safetensors"] != digests(base)["model.safetensors"]
    assert {name: digest for name, digest in model.items() if name != "model.safetensors"} == {
        name: digest for name, digest in digests(base).items() if name != "model.safetensors"
    }
    again = merge_job(base, adapter, tmp_path / "b", threads=2)
    assert run("merge", again) == 0
    assert digests(again.output) == digests(job.output)


def test_what_transformers_drops_of_the_base_is_not_looked_for(base: Path, adapter: Path, tmp_path: Path) -> None:
    """As in Llama's older files, and in those with layers that predict several tokens."""
    from safetensors.torch import load_file, save_file

    old = tmp_path / "old"
    shutil.copytree(base, old)
    weights = load_file(base / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(16)
    weights["model.layers.2.mlp.up_proj.weight"] = torch.ones(128, 64)
    save_file(weights, old / "model.safetensors", metadata={"format": "pt"})
    job = merge_job(old, adapter, tmp_path)
    assert run("merge", job) == 0, job.result
    assert job.result["checked_weights"] == len(weights) - 2


def test_a_base_without_safetensors_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    job = merge_job(tmp_path / "bare", adapter, tmp_path)
    assert run("merge", job) == 1
    assert job.result["code"] == "trainer/bad-model"


def test_the_check_says_how_far_it_is_and_stops_between_two_weights(
    base: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = merge_job(base, adapter, tmp_path)
    same, seen = merge_check._check_same, 0

    def stopped(*arguments: Any) -> None:  # noqa: ANN401
        nonlocal seen
        seen += 1
        os.kill(os.getpid(), signal.SIGTERM)
        same(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(merge_check, "_check_same", stopped)
        assert run("merge", job) == 75
    assert (seen, digests(job.output)) == (1, {})
    (job.work / "events.jsonl").unlink()
    assert run("merge", job) == 0
    said = [event for event in read_lines(job.work / "events.jsonl") if event.get("unit") == "checked weights"]
    count = job.result["checked_weights"]
    assert [(event["done"], event["total"]) for event in said] == [(done, count) for done in range(1, count + 1)]


def test_bfloat16_weights(base: Path, adapter: Path, prepared: Path, tmp_path: Path) -> None:
    job = merge_job(base, adapter, tmp_path, prepared=prepared, dtype="bfloat16")
    assert run("merge", job) == 0
    size = (job.output / "model" / "model.safetensors").stat().st_size
    assert size < (base / "model.safetensors").stat().st_size * 0.6


Tensors = dict[str, Any]


def _with_nan(tensors: Tensors) -> Tensors:
    name = next(name for name in tensors if "lora_B" in name)
    tensors[name][0, 0] = float("nan")
    return tensors


def _renamed(tensors: Tensors) -> Tensors:
    return {name.replace("q_proj", "z_proj"): tensor for name, tensor in tensors.items()}


def _lacking(tensors: Tensors) -> Tensors:
    return dict(list(tensors.items())[1:])


def _empty(tensors: Tensors) -> Tensors:
    return {name: tensor * 0 for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_with_nan, "trainer/not-finite"),
        (_renamed, "trainer/bad-adapter"),
        (_lacking, "trainer/bad-adapter"),
        (_empty, "trainer/adapter-without-effect"),
    ],
)
def test_a_damaged_adapter_is_caught(
    base: Path, adapter: Path, tmp_path: Path, damage: Callable[[Tensors], Tensors], code: str
) -> None:
    from safetensors.torch import load_file, save_file

    damaged = tmp_path / "adapter"
    damaged.mkdir()
    (damaged / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    save_file(damage(load_file(adapter / "adapter_model.safetensors")), damaged / "adapter_model.safetensors")
    job = merge_job(base, damaged, tmp_path)
    assert run("merge", job) == 1
    assert job.result["code"] == code
    assert digests(job.output) == {} if job.output.exists() else True


def test_a_cut_adapter_is_caught(base: Path, adapter: Path, tmp_path: Path) -> None:
    cut = tmp_path / "adapter"
    cut.mkdir()
    for path in adapter.iterdir():
        (cut / path.name).write_bytes(path.read_bytes()[: 300 if path.suffix == ".safetensors" else None])
    job = merge_job(base, cut, tmp_path)
    assert run("merge", job) == 1
    assert job.result["code"] == "trainer/bad-adapter"


def test_a_difference_beyond_the_tolerance_fails(base: Path, adapter: Path, prepared: Path, tmp_path: Path) -> None:
    job = merge_job(base, adapter, tmp_path, prepared=prepared, tolerance=1e-12)
    assert run("merge", job) == 1
    assert job.result["code"] == "trainer/merge-differs"
    assert digests(job.output) == {}
