"""Several processes of one training, over gloo on the CPU: the same numbers as one, whatever happens to whom."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from secpi_trainers.models.checkpoints import checkpoints
from secpi_trainers.training.ranks.rank_batches import RankBatches

from .support import ROOT, Job, digests, read_lines, run, samples, write_lines
from .test_every_point import SMALLEST
from .test_planned_counts import PLANNED

LORA: dict[str, Any] = {"method": "lora", "lora": {"rank": 2, "alpha": 4, "dropout": 0.1}}
FULL: dict[str, Any] = {"method": "full"}
ROWS = 7
"""Never a multiple of what a step takes: some process gets less than the others at each epoch's end."""

NO_BETTER: dict[str, Any] = {"steps": 6, "patience": 1, "learning_rate": 1e-30}
"""Nothing changes, so the second evaluation ends it, at step 4."""

Ranks = Callable[..., list[int]]


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_smallest(tmp_path_factory.mktemp("smallest"))


def make_smallest(folder: Path) -> tuple[Path, Path]:
    """A model folder and prepared rows, as small as they come."""
    write_lines(folder / "rows.jsonl", [*samples("careful"), samples("naive")[0]])
    model = Job(folder / "tiny", folder / "model")
    assert run("tiny", model.write(rows=folder / "rows.jsonl", architecture=SMALLEST, steps=1, threads=1)) == 0
    rows = Job(folder / "prepare", folder / "rows")
    assert run("prepare", rows.write(model=model.output, samples=folder / "rows.jsonl", max_tokens=500)) == 0
    return model.output, rows.output / "prepared.jsonl"


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    with serving(os.environ) as server:
        yield server


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[Ranks]:
    """Runs a job in so many processes: their exit codes."""
    arguments = [sys.executable, "-m", "tests.rank_server"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen(arguments, cwd=ROOT, env=environment, **pipes)
    jobs, answers = server.stdin, server.stdout
    assert jobs is not None
    assert answers is not None

    def ask(job: Job, world: int, *fault: object) -> list[int]:
        jobs.write(json.dumps({"world": world, "job": str(job.path), "fault": fault}) + "\n")
        jobs.flush()
        codes: list[int] = json.loads(answers.readline())
        return codes

    yield ask
    jobs.close()
    server.wait()


def job_in(folder: Path, smallest: tuple[Path, Path], **keys: Any) -> Job:  # noqa: ANN401
    job = Job(folder / "work", folder / "out")
    job.path = folder / "job.json"
    settings: dict[str, Any] = {"steps": 5, "save_every_steps": 2, "batch_size": 2, "gradient_checkpointing": False}
    settings |= {"dtype": "float32", "learning_rate": 1e-2, "max_tokens": 500} | keys
    return job.write(
        model=smallest[0],
        model_name="smallest",
        prepared=smallest[1],
        device="cpu",
        threads=1,
        **settings,
    )


def said(job: Job, rank: int = 0) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((job.work / "ranks" / str(rank) / "result.json").read_bytes())
    return result


def test_each_row_is_dealt_out_once() -> None:
    for rows, size, processes in [(7, 2, 2), (7, 1, 4), (5, 2, 2), (1, 1, 4), (8, 2, 4), (9, 3, 2)]:
        batches = RankBatches(range(rows), size, processes, blank=rows)
        dealt = list(batches)
        assert len(dealt) == len(batches)
        assert len(dealt) % processes == 0
        assert sorted(place for batch in dealt for place in batch if place != rows) == list(range(rows))
        assert all(0 < len(batch) <= size for batch in dealt)
        # A turn of all is what one process takes with a batch that is so many times as large.
        turns = [list(chain(*dealt[at : at + processes])) for at in range(0, len(dealt), processes)]
        expected = [list(range(rows))[at : at + size * processes] for at in range(0, rows, size * processes)]
        assert [sorted(place for place in turn if place != rows) for turn in turns] == expected


@pytest.mark.parametrize("keys", [LORA | {"lora": {"rank": 2, "alpha": 4}}, FULL], ids=["lora", "full"])
def test_the_losses_are_those_of_one_process(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, keys: dict[str, Any]
) -> None:
    one = job_in(tmp_path / "1", smallest, **keys, batch_size=4, holdout=smallest[1], evaluate_every_steps=2)
    assert run("train", one) == 0
    expected = read_lines(one.output / "loss.jsonl")
    for world, size in [(2, 2), (4, 1)]:
        job = job_in(
            tmp_path / f"{world}", smallest, **keys, batch_size=size, holdout=smallest[1], evaluate_every_steps=2
        )
        assert ranks(job, world) == [0] * world
        lines = read_lines(job.output / "loss.jsonl")
        assert [line["epoch"] for line in lines] == [line["epoch"] for line in expected]
        for name in ("loss", "grad_norm", "holdout_loss"):
            values = [line[name] for line in lines if name in line]
            assert values == pytest.approx([line[name] for line in expected if name in line], abs=1e-5)
        assert (said(job)["processes"], said(job)["strategy"]) == (world, "ddp")


@pytest.mark.parametrize("case", PLANNED["trainings"], ids=lambda case: f"{case['processes']}, {case['settings']}")
def test_steps_passes_and_tokens_are_those_that_were_planned(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, case: dict[str, Any]
) -> None:
    """As `secpi plan` counts them of rows of these lengths."""
    rows = tmp_path / "prepared.jsonl"
    write_lines(
        rows, [{"input_ids": [1] * length, "labels": [-100] * 3 + [1] * (length - 3)} for length in PLANNED["lengths"]]
    )
    settings = {"steps": None, "batch_size": 1} | case["settings"]
    job = job_in(tmp_path, (smallest[0], rows), **LORA, **settings, save_every_steps=100)
    world = case["processes"]
    assert (run("train", job) if world == 1 else max(ranks(job, world))) == 0
    found = job.result if world == 1 else said(job)
    assert (found["steps"], found["epochs"]) == (case["steps"], pytest.approx(case["passes"]))
    assert found["tokens"] + found["prompt_tokens"] == pytest.approx(case["tokens"], abs=1)


def test_what_one_finds_unsound_ends_all_and_the_last_good_checkpoint_is_named(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    job = job_in(tmp_path, smallest, **LORA)
    assert ranks(job, 2, "spoil_before_save", 1, 4) == [1, 1]
    assert [said(job, rank)["code"] for rank in (0, 1)] == ["trainer/weights-not-finite"] * 2
    assert "the last good checkpoint is " in said(job)["message"]
    assert [item.step for item in checkpoints(job.work / "checkpoints")] == [2]


def test_a_checkpoint_that_is_being_marked_is_named_as_the_last_good_one(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    job = job_in(tmp_path, smallest, **LORA)
    assert ranks(job, 2, "spoil_while_sealing", 4) == [1, 1]
    assert said(job)["message"].endswith(f"the last good checkpoint is {job.work}/checkpoints/checkpoint-2")
    assert [item.step for item in checkpoints(job.work / "checkpoints")] == [2]


def test_each_has_words_of_its_own_and_one_speaks_for_all(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    job = job_in(tmp_path, smallest, **LORA)
    assert ranks(job, 2, "seal_after_step", 3) == [0, 0]
    # Two is marked beside the training: the step after it did not wait.
    lines = read_lines(job.work / "events.jsonl")
    assert [line["step"] for line in lines if line["type"] == "metric"] == [1, 2, 3, 4, 5]
    order = [line.get("step", line.get("message")) for line in lines]
    assert order.index("checkpoint at step 2") > order.index(3)
    assert len(read_lines(job.work / "ranks" / "1" / "events.jsonl")) == 5
    assert [checkpoint.step for checkpoint in checkpoints(job.work / "checkpoints")] == [5, 4]


SHARED: dict[str, dict[str, Any]] = {
    "ddp": {},
    # With layers that are computed twice: what wraps them must not keep a checkpoint from being loaded.
    "fsdp": {"parallel": {"strategy": "fsdp"}, "gradient_checkpointing": True},
}


@pytest.mark.parametrize("strategy", SHARED)
def test_stopped_or_killed_anywhere_it_ends_the_same(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, strategy: str
) -> None:
    keys = {**LORA, **SHARED[strategy], "steps": 3, "batch_size": 1, "gradient_accumulation": 2}
    whole = job_in(tmp_path / "whole", smallest, **keys)
    assert ranks(whole, 2) == [0, 0]
    expected = digests(whole.output)
    # One hears the signal, in the middle of a step or at its end: all of them save the same step and stop.
    for batch, saved in [(1, None), (3, 1), (4, 2)] if strategy == "ddp" else [(3, 1)]:
        job = job_in(tmp_path / f"stopped-{batch}", smallest, **keys)
        assert ranks(job, 2, "signal_at_batch", 1, batch, signal.SIGTERM) == [0, 0]
        assert [(said(job, rank)["outcome"], said(job, rank)["checkpoint"]) for rank in (0, 1)] == [
            ("stopped", saved)
        ] * 2
        assert ranks(job, 2) == [0, 0]
        assert said(job)["resumed_from"] == saved
        assert digests(job.output) == expected
    events = len(read_lines(whole.work / "events.jsonl"))
    # At a step of which nothing is saved, while a checkpoint is marked, and when all is done but the result.
    for event in (1, 3, events) if strategy == "ddp" else (events,):
        job = job_in(tmp_path / f"killed-{event}", smallest, **keys)
        assert ranks(job, 2, "kill_all_at_event", event) == [-signal.SIGKILL] * 2
        assert ranks(job, 2) == [0, 0]
        assert digests(job.output) == expected, event


@pytest.mark.parametrize("keys", [LORA, FULL, LORA | {"dtype": "bfloat16"}], ids=["lora", "full", "lora in bfloat16"])
def test_weights_that_are_split_are_saved_in_parts_and_come_out_whole(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, keys: dict[str, Any]
) -> None:
    made, losses = {}, {}
    for strategy, sharing in SHARED.items():
        job = job_in(tmp_path / strategy, smallest, **(keys | sharing), seed=4)
        assert ranks(job, 2) == [0, 0]
        assert said(job)["strategy"] == strategy
        (file,) = job.output.rglob("*.safetensors")
        made[strategy] = load_file(file)
        losses[strategy] = [line["loss"] for line in read_lines(job.output / "loss.jsonl")]
        newest = checkpoints(job.work / "checkpoints")[0].folder
        parts = {path.name for path in newest.rglob("*.distcp")}
        assert parts == ({"__0_0.distcp", "__1_0.distcp"} if strategy == "fsdp" else set())
    assert made["ddp"].keys() == made["fsdp"].keys()
    if "dtype" in keys:
        # The two compute in bfloat16 at other places. A loss that is rounded to it would be off by 0.01.
        assert losses["fsdp"] == pytest.approx(losses["ddp"], abs=1e-3)
        return
    assert losses["fsdp"] == pytest.approx(losses["ddp"], abs=1e-5)
    for name, tensor in made["ddp"].items():
        assert torch.allclose(tensor, made["fsdp"][name], atol=1e-6), name


def test_a_checkpoint_of_more_processes_is_refused_and_stays(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    job = job_in(tmp_path, smallest, **LORA)
    assert ranks(job, 2, "signal_at_batch", 0, 3, signal.SIGTERM) == [0, 0]
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/other-ranks"
    assert "made by 2 processes, and there are 1" in job.result["message"]
    assert ranks(job, 2) == [0, 0]
    assert said(job)["resumed_from"] == 3


def measured(job: Job) -> list[tuple[int, float]]:
    lines = read_lines(job.work / "events.jsonl")
    return [(line["step"], line["holdout_loss"]) for line in lines if "holdout_loss" in line]


def facts(result: dict[str, Any]) -> dict[str, Any]:
    """Those that a stop may not change."""
    return {name: result[name] for name in ("steps", "epochs", "holdout_loss", "first_loss", "final_loss", "tokens")}


def test_processes_break_an_evaluation_off_together(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    settings = LORA | SHARED["fsdp"] | NO_BETTER | {"evaluate_every_steps": 2, "holdout": smallest[1]}
    whole = job_in(tmp_path / "whole", smallest, **settings)
    assert ranks(whole, 2) == [0, 0]
    job = job_in(tmp_path / "stopped", smallest, **settings)
    assert ranks(job, 2, "signal_in_evaluation", 1, 2, signal.SIGUSR2) == [0, 0]
    assert [(said(job, rank)["outcome"], said(job, rank)["checkpoint"]) for rank in (0, 1)] == [("stopped", 2)] * 2
    assert measured(job) == []
    assert ranks(job, 2) == [0, 0]
    assert digests(job.output) == digests(whole.output)
    assert facts(said(job)) == facts(said(whole))
    assert measured(job) == measured(whole)


def test_what_auto_came_to_is_kept(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path) -> None:
    another = ("another_choice", "fsdp", "eager")
    whole = job_in(tmp_path / "whole", smallest, **LORA, steps=3)
    assert ranks(whole, 2, *another) == [0, 0]
    job = job_in(tmp_path / "stopped", smallest, **LORA, steps=3)
    assert ranks(job, 2, *another, 1, 2, signal.SIGTERM) == [0, 0]
    assert said(job)["checkpoint"] == 2
    # Here it would be ddp and sdpa.
    assert ranks(job, 2) == [0, 0]
    assert [said(job)[name] for name in ("resumed_from", "strategy", "attention")] == [2, "fsdp", "eager"]
    assert digests(job.output) == digests(whole.output)


def test_one_process_of_a_machine_writes_the_rows_and_all_end_with_it(
    smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path
) -> None:
    packed = {"packing": True, "batch_size": 1, "holdout": smallest[1]}
    job = job_in(tmp_path / "done", smallest, **LORA, **packed)
    assert ranks(job, 2) == [0, 0]
    found = sorted(path.relative_to(job.work).as_posix() for path in job.work.rglob("*.arrow"))
    assert found == [f"ranks/0/{name}.arrow" for name in ("holdout", "packed", "rows")]
    # Told while it writes; failing with a reason; and dying while the others wait.
    stopped = job_in(tmp_path / "stopped", smallest, **LORA)
    assert ranks(stopped, 2, "signal_at_row", 0, 2, signal.SIGTERM) == [0, 0]
    assert [said(stopped, rank)["checkpoint"] for rank in (0, 1)] == [None, None]
    assert not (stopped.work / "checkpoints").exists()
    bad = tmp_path / "bad.jsonl"
    bad.write_text(smallest[1].read_text() + '{"input_ids": [1], "labels": [2]}\n')
    failing = job_in(tmp_path / "failing", (smallest[0], bad), **LORA)
    assert ranks(failing, 2) == [1, 1]
    assert [said(failing, rank)["code"] for rank in (0, 1)] == ["trainer/bad-rows"] * 2
    killed = job_in(tmp_path / "killed", smallest, **LORA)
    assert ranks(killed, 2, "signal_at_row", 0, 2, signal.SIGKILL) == [-signal.SIGKILL, 1]
    assert said(killed, 1)["code"] == "trainer/rank-lost"
