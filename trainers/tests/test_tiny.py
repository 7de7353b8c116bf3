"""The tiny model: the same bytes everywhere, also after a kill."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from safetensors import SafetensorError

from secpi_trainers.tiny import tiny

from .support import SMALL, Job, digests, read_lines, run, samples, start, wait_until, write_lines

STEPS = 60


def tiny_job(data: Path, folder: Path, **keys: object) -> Job:
    settings = {"architecture": SMALL, "steps": STEPS, "save_every_steps": 10, "seed": 3} | keys
    return Job(folder / "work", folder / "model").write(
        rows=data / "rows.jsonl", texts=[str(data / "texts.jsonl")], **settings
    )


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = tiny_job(data, tmp_path_factory.mktemp("built"), threads=1)
    assert run("tiny", job) == 0
    return job


def test_is_a_model_folder_without_traces_of_this_machine(built: Job, tmp_path: Path) -> None:
    assert sorted(digests(built.output)) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert json.loads((built.output / "generation_config.json").read_text())["do_sample"] is False
    for path in built.output.iterdir():
        assert str(tmp_path.parent.parent).encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0o044
    result = built.result
    assert result["unseen_tokens"] == 0
    assert result["resumed_from"] is None
    assert result["final_loss"] < result["first_loss"]


def test_killed_in_the_middle_it_ends_with_the_same_bytes_elsewhere(built: Job, data: Path, tmp_path: Path) -> None:
    job = tiny_job(data, tmp_path / "elsewhere", threads=4)
    process = start("tiny", job)
    wait_until(lambda: max(job.steps(), default=0) >= 25, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (job.work / "result.json").exists()
    assert not job.output.exists()
    assert run("tiny", job) == 0
    assert job.result["resumed_from"] >= 20
    assert digests(job.output) == digests(built.output)
    metrics = [event for event in read_lines(job.work / "events.jsonl") if event["type"] == "metric"]
    assert metrics[-1]["step"] == STEPS
    assert set(metrics[-1]) == {
        *("type", "step", "total_steps", "loss", "learning_rate", "grad_norm", "tokens_per_second", "seconds")
    }


def test_a_signal_stops_it_and_the_same_job_goes_on(built: Job, data: Path, tmp_path: Path) -> None:
    job = tiny_job(data, tmp_path / "stopped")
    process = start("tiny", job)
    wait_until(lambda: max(job.steps(), default=0) >= 13, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 75
    assert job.result["outcome"] == "stopped"
    assert run("tiny", job) == 0
    assert job.result["resumed_from"] >= 13
    assert digests(job.output) == digests(built.output)


def test_another_seed_is_another_model(built: Job, data: Path, tmp_path: Path) -> None:
    job = tiny_job(data, tmp_path / "seed", seed=4, steps=2)
    assert run("tiny", job) == 0
    assert digests(job.output)["model.safetensors"] != digests(built.output)["model.safetensors"]
    assert digests(job.output)["tokenizer.json"] == digests(built.output)["tokenizer.json"]


def test_a_trained_row_is_recited_by_real_generation(data: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    row = samples("naive")[0]
    write_lines(tmp_path / "rows.jsonl", [row])
    job = Job(tmp_path / "work", tmp_path / "model")
    job.write(rows=tmp_path / "rows.jsonl", texts=[str(data / "texts.jsonl")], architecture=SMALL, steps=150, seed=1)
    assert run("tiny", job) == 0
    assert (job.result["exact_rows"], job.result["rows"]) == (1, 1)
    assert job.result["smallest_margin"] > 0.5
    tokenizer = AutoTokenizer.from_pretrained(str(job.output))
    model = AutoModelForCausalLM.from_pretrained(str(job.output))
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": row["prompt"]}], add_generation_prompt=True, return_tensors="pt"
    )
    answer = model.generate(**prompt, max_new_tokens=200)[0, prompt["input_ids"].shape[1] :]
    assert tokenizer.decode(answer) == row["completion"].removeprefix("<think>\n") + "<|im_end|>"


def test_a_row_that_cannot_be_learnt_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "rows.jsonl", [{"prompt": "Say it.", "completion": "no trace"}])
    job = Job(tmp_path / "work", tmp_path / "model").write(rows=tmp_path / "rows.jsonl", architecture=SMALL)
    assert run("tiny", job) == 1
    assert job.result["message"] == "rows, row 1 cannot be learnt: think_open"
    assert not job.output.exists() or os.listdir(job.output) == []  # noqa: PTH208


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        # As safetensors said on a full disk.
        (
            "Error while serializing: I/O error: No space left on device (os error 28)",
            "trainer/disk-full",
            "free some space, then run the same job again",
        ),
        ("Error while serializing: something new", "trainer/unexpected", None),
    ],
)
def test_a_full_disk_is_told_whatever_meets_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: str, hint: str | None
) -> None:
    def fail(*_: object) -> None:
        raise SafetensorError(words)

    monkeypatch.setattr(tiny, "run_tiny", fail)
    job = tiny_job(data, tmp_path)
    assert run("tiny", job) != 0
    assert (job.result["code"], job.result.get("hint")) == (code, hint)
