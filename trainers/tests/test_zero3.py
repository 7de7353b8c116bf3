"""ZeRO-3 by DeepSpeed itself, over gloo on the CPU: the numbers of plain data parallelism, whatever happens to whom.

DeepSpeed lies in a folder of its own beside the trainers' environment (`requirements-deepspeed.lock`): what users get
has none of it, and every training would import it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from means import needs
from safetensors.torch import load_file

from secpi_trainers.models.checkpoints import checkpoints
from secpi_trainers.training.ranks.parallel import zero3_config

from .support import ROOT, Job, digests, read_lines, run
from .test_ranks import FULL, LORA, Ranks, job_in, make_smallest, said, serving

FOLDER = Path(sys.prefix, "deepspeed")
pytestmark = needs(FOLDER.is_dir(), "there is no DeepSpeed here (npm run setup -- --development)")

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(FOLDER), "DS_ACCELERATOR": "cpu"}
ZERO3: dict[str, Any] = {"parallel": {"strategy": "zero3"}}


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_smallest(tmp_path_factory.mktemp("smallest"))


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    with serving(ENVIRONMENT) as server:
        yield server


def test_its_own_parser_takes_the_settings() -> None:
    code = """if True:
        import json, sys
        from deepspeed.runtime.config import DeepSpeedConfig
        for given in json.load(sys.stdin):
            taken = DeepSpeedConfig(given)
            known = type(taken.zero_config).model_fields
            names = {field.alias or name for name, field in known.items()} | known.keys()
            assert given["zero_optimization"].keys() <= names, given
            assert taken.zero_config.stage == 3
            print(taken.communication_data_type, taken.grad_accum_dtype, taken.zero_config.offload_param is not None)
    """
    given = [without_auto(zero3_config(offload)) for offload in (False, True)]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["torch.float32 fp32 False", "torch.float32 fp32 True"]


def without_auto(settings: dict[str, Any]) -> dict[str, Any]:
    """What the Trainer fills in is left out, but for one batch size: DeepSpeed cannot do without."""
    nested = {name: without_auto(value) if isinstance(value, dict) else value for name, value in settings.items()}
    left = {name: value for name, value in nested.items() if value != "auto"}
    return left | ({"train_batch_size": 1} if "train_batch_size" in settings else {})


@pytest.mark.parametrize("keys", [LORA | {"lora": {"rank": 2, "alpha": 4}}, FULL], ids=["lora", "full"])
def test_losses_and_weights_are_those_of_one_process(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, keys: dict[str, Any]
) -> None:
    measured = {"holdout": smallest[1], "evaluate_every_steps": 2}
    one = job_in(tmp_path / "1", smallest, **keys, batch_size=6, **measured)
    assert run("train", one) == 0
    expected = read_lines(one.output / "loss.jsonl")
    # The second step of an epoch has one row left, for one pass of the three that a step takes.
    shared = {"batch_size": 1, "gradient_accumulation": 3}
    job = job_in(tmp_path / "2", smallest, **keys, **shared, **measured, **ZERO3)
    assert ranks(job, 2) == [0, 0]
    lines = read_lines(job.output / "loss.jsonl")
    for name in ("loss", "grad_norm", "holdout_loss"):
        values = [line[name] for line in lines if name in line]
        assert values == pytest.approx([line[name] for line in expected if name in line], abs=1e-5)
    facts = ("trainable_parameters", "total_parameters")
    assert [said(job)[name] for name in facts] == [one.result[name] for name in facts]
    assert (said(job)["processes"], said(job)["strategy"]) == (2, "zero3")
    made, alone = weights_of(job), weights_of(one)
    assert made.keys() == alone.keys()
    for name, tensor in alone.items():
        assert torch.allclose(tensor, made[name], atol=1e-5), (name, (tensor - made[name]).abs().max())
    # In parts, and nowhere put together for a checkpoint that nobody reads so.
    newest = checkpoints(job.work / "checkpoints")[0].folder
    assert len(list(newest.rglob("*_optim_states.pt"))) == 2
    assert list(newest.rglob("*.safetensors")) == []


def weights_of(job: Job) -> dict[str, torch.Tensor]:
    (file,) = job.output.rglob("*.safetensors")
    weights: dict[str, torch.Tensor] = load_file(file)
    return weights


def test_what_was_trained_in_float32_is_saved_so(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    made, losses = {}, {}
    for strategy in ("ddp", "zero3"):
        keys = LORA | {"dtype": "bfloat16", "parallel": {"strategy": strategy}}
        job = job_in(tmp_path / strategy, smallest, **keys, seed=4)
        assert ranks(job, 2) == [0, 0]
        made[strategy] = weights_of(job)
        losses[strategy] = [line["loss"] for line in read_lines(job.output / "loss.jsonl")]
    assert {item.dtype for item in made["zero3"].values()} == {item.dtype for item in made["ddp"].values()}
    # DeepSpeed computes with a copy of them in bfloat16, which would have lost the small steps.
    assert any((item != item.bfloat16().float()).any() for item in made["zero3"].values())
    assert losses["zero3"] == pytest.approx(losses["ddp"], abs=2e-3)


def test_stopped_or_killed_it_ends_the_same(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    keys = {**LORA, **ZERO3, "steps": 3, "batch_size": 1, "gradient_accumulation": 2, "gradient_checkpointing": True}
    whole = job_in(tmp_path / "whole", smallest, **keys)
    assert ranks(whole, 2) == [0, 0]
    expected = digests(whole.output)
    job = job_in(tmp_path / "stopped", smallest, **keys)
    # In the middle of the second step.
    assert ranks(job, 2, "signal_at_batch", 1, 3, signal.SIGTERM) == [0, 0]
    assert [(said(job, rank)["outcome"], said(job, rank)["checkpoint"]) for rank in (0, 1)] == [("stopped", 1)] * 2
    assert ranks(job, 2) == [0, 0]
    assert said(job)["resumed_from"] == 1
    assert digests(job.output) == expected
    # When all is done but the result.
    job = job_in(tmp_path / "killed", smallest, **keys)
    assert ranks(job, 2, "kill_all_at_event", len(read_lines(whole.work / "events.jsonl"))) == [-signal.SIGKILL] * 2
    assert ranks(job, 2) == [0, 0]
    assert digests(job.output) == expected


def test_a_part_that_is_not_finite_ends_all(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    job = job_in(tmp_path, smallest, **LORA, **ZERO3)
    assert ranks(job, 2, "spoil_before_save", 1, 4) == [1, 1]
    assert [said(job, rank)["code"] for rank in (0, 1)] == ["trainer/weights-not-finite"] * 2
    assert [item.step for item in checkpoints(job.work / "checkpoints")] == [2]
