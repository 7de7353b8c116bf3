"""Several processes that train with Axolotl, over gloo on the CPU: what `../test_ranks.py` says of TRL."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from secpi_trainers.models.checkpoints import checkpoints

from .. import test_ranks
from ..support import Job, digests, read_lines, run
from ..test_ranks import FULL, LORA, SHARED, Ranks, said

SMOOTH: dict[str, Any] = {**LORA, "lora": {"rank": 2, "alpha": 4}}
PACKED: dict[str, Any] = FULL | {"packing": True, "batch_size": 1, "max_tokens": 350, "steps": None, "epochs": 1.5}


def job_in(folder: Path, smallest: tuple[Path, Path], **keys: Any) -> Job:  # noqa: ANN401
    return test_ranks.job_in(folder, smallest, **{"trainer": "axolotl"} | keys)


def trained(job: Job, ranks: Ranks, world: int) -> list[dict[str, Any]]:
    """What stands in its curve."""
    assert (ranks(job, world) if world > 1 else [run("train", job)]) == [0] * world, job.path.with_suffix(".log")
    return read_lines(job.output / "loss.jsonl")


def tokens_in(job: Job) -> float:
    """Those that all processes have seen."""
    state = json.loads((checkpoints(job.work / "checkpoints")[0].folder / "trainer_state.json").read_text())
    return max(float(entry.get("num_tokens", 0)) for entry in state["log_history"])


def assert_near(lines: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    assert lines == [pytest.approx(other, abs=1e-5) for other in others]


def test_the_losses_are_those_of_one_process_and_of_trl(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    keys = SMOOTH | {"holdout": smallest[1], "evaluate_every_steps": 2}
    one = job_in(tmp_path / "one", smallest, **keys, batch_size=4)
    expected = trained(one, ranks, 1)
    for world, trainer in [(2, "axolotl"), (4, "axolotl"), (2, "trl")]:
        job = job_in(tmp_path / f"{world}-{trainer}", smallest, **keys, batch_size=4 // world, trainer=trainer)
        assert_near(trained(job, ranks, world), expected)
        assert (said(job)["processes"], said(job)["strategy"]) == (world, "ddp")
        # Of four one gets nothing at both ends of an epoch, and computes on two tokens.
        assert tokens_in(job) - tokens_in(one) == (4 if world == 4 else 0)


def test_packed_and_split_as_well(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    """All weights, a part of each layer in each process, saved in parts and put together."""
    one = job_in(tmp_path / "one", smallest, **PACKED, gradient_accumulation=2)
    alone = trained(one, ranks, 1)
    assert one.result["sequences"] % 2 == 1
    # One process counts the last step of an epoch by its sequences, and several by their turns.
    expected = [line | {"epoch": epoch} for line, epoch in zip(alone, (0.5, 1, 1.5), strict=True)]
    whole = load_file(one.output / "model/model.safetensors")
    for name, keys in {**SHARED, "trl": {"trainer": "trl"}}.items():
        job = job_in(tmp_path / name, smallest, **{**PACKED, **keys})
        assert_near(trained(job, ranks, 2), expected)
        made = load_file(job.output / "model/model.safetensors")
        assert made.keys() == whole.keys()
        for key, tensor in whole.items():
            assert torch.allclose(tensor, made[key], atol=1e-5), (name, key)
        newest = checkpoints(job.work / "checkpoints")[0].folder
        parts = {path.name for path in newest.rglob("*.distcp")}
        assert parts == ({"__0_0.distcp", "__1_0.distcp"} if name == "fsdp" else set())


def test_what_is_split_computes_in_bfloat16_as_under_trl(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    keys = {**SMOOTH, **SHARED["fsdp"], "dtype": "bfloat16", "steps": 2}
    ours, theirs = (
        trained(job_in(tmp_path / trainer, smallest, **keys, trainer=trainer), ranks, 2)
        for trainer in ("axolotl", "trl")
    )
    # A loss that is rounded to it, as accelerate would, is off by 0.01.
    assert_near(ours, theirs)


@pytest.mark.parametrize("strategy", SHARED)
def test_stopped_or_killed_it_ends_the_same(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, strategy: str
) -> None:
    keys = {**LORA, **SHARED[strategy], "steps": 3, "batch_size": 1, "gradient_accumulation": 2}
    whole = job_in(tmp_path / "whole", smallest, **keys)
    trained(whole, ranks, 2)
    stopped = job_in(tmp_path / "stopped", smallest, **keys)
    assert ranks(stopped, 2, "signal_at_batch", 1, 3, signal.SIGTERM) == [0, 0]
    assert {(said(stopped, rank)["outcome"], said(stopped, rank)["checkpoint"]) for rank in (0, 1)} == {("stopped", 1)}
    if strategy == "ddp":
        assert run("train", stopped) == 1
        assert stopped.result["code"] == "trainer/other-ranks"
        assert "made by 2 processes, and there are 1" in stopped.result["message"]
    killed = job_in(tmp_path / "killed", smallest, **keys)
    # The second checkpoint and the third step have been reported, whichever was first.
    assert ranks(killed, 2, "kill_all_at_event", 4) == [-signal.SIGKILL] * 2
    for job, step in [(stopped, 1), (killed, 2)]:
        trained(job, ranks, 2)
        assert said(job)["resumed_from"] == step
        assert digests(job.output) == digests(whole.output)
