"""Bad jobs: one clear sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.jobs import check_job

from .support import ROOT, Job, run


def train_job(folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    (folder / "model").mkdir()
    (folder / "prepared.jsonl").write_text("")
    job = Job(folder / "work", folder / "out")
    document = {
        "model": folder / "model",
        "model_name": "tiny",
        "prepared": folder / "prepared.jsonl",
        "method": "lora",
        "lora": {"rank": 4, "alpha": 8},
        "steps": 3,
        "learning_rate": 0.001,
        "max_tokens": 100,
    }
    return job.write(**{key: value for key, value in (document | keys).items() if value is not ...})


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"learning_rat": 1.0}, "learning_rat: unknown key, did you mean `learning_rate`?"),
        ({"lora": {"rank": 4, "alpha": 8, "droput": 0.1}}, "lora.droput: unknown key, did you mean `dropout`?"),
        ({"model_name": ...}, "model_name: Field required"),
        ({"learning_rate": "0.1"}, "learning_rate: Input should be a valid number"),
        ({"learning_rate": -1.0}, "learning_rate: Input should be greater than 0"),
        ({"steps": 2.5}, "steps: Input should be a valid integer"),
        ({"steps": True}, "steps: Input should be a valid integer"),
        ({"epochs": 2}, "exactly one of `epochs` and `steps`"),
        ({"evaluate_every_steps": 2}, "`evaluate_every_steps` needs rows that are set aside"),
        ({"method": "dora"}, "method: Input should be 'lora', 'qlora' or 'full'"),
        ({"keep_checkpoints": 1}, "keep_checkpoints: Input should be greater than or equal to 2"),
        ({"prepared": "relative.jsonl"}, "prepared: must be an absolute path"),
        ({"prepared": "/nowhere/prepared.jsonl"}, "prepared: no such file: /nowhere/prepared.jsonl"),
        ({"model": "/nowhere"}, "model: no such model folder: /nowhere"),
        ({"model_name": "/home/me/model"}, "`model_name` must be a public name"),
        ({"schema": 2}, "schema: Input should be 1"),
        ({"output": "out"}, "output: must be an absolute path"),
    ],
)
def test_says_what_is_wrong_and_writes_nothing(tmp_path: Path, keys: dict[str, Any], sentence: str) -> None:
    job = train_job(tmp_path, **keys)
    assert run("train", job) == 2
    assert job.result["outcome"] == "failed"
    assert job.result["code"] == "trainer/bad-job"
    assert sentence in job.result["message"]
    assert not job.output.exists()
    assert [path.name for path in job.work.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    "text", ['{"schema": 1, "schema": 1}', '{"schema": NaN}', "[1]", "{", "", "[" * 100_000, '{"schema": 1, "work": 3}']
)
def test_refuses_documents_that_readers_take_differently(tmp_path: Path, text: str) -> None:
    job = Job(tmp_path / "work", tmp_path / "out")
    job.path.write_text(text)
    assert run("train", job) == 2
    assert not job.work.exists()
    assert not job.output.exists()


def test_a_wrong_job_does_not_cost_the_start_of_torch() -> None:
    code = "import secpi_trainers.__main__, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(("asked", "used"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (64, 4)])
def test_only_thread_counts_that_give_equal_bits_are_used(tmp_path: Path, asked: int, used: int) -> None:
    job = train_job(tmp_path, threads=asked)
    assert check_job("train", json.loads(job.path.read_text())).torch_threads == used


def test_doctor_prints_what_there_is() -> None:
    done = subprocess.run([sys.executable, "-m", "secpi_trainers", "doctor"], cwd=ROOT, check=True, capture_output=True)
    facts = json.loads(done.stdout)
    assert facts["tools"]["trl"] == "1.13.0"
    assert facts["missing"] == []
    assert facts["memory_bytes"] > 1 << 28
    assert facts["torch"]["version"].startswith("2.13")


def test_a_work_folder_that_cannot_be_used_is_one_line_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = train_job(tmp_path)
    job.work.write_text("a file")
    assert run("train", job) == 1
    assert capfd.readouterr().err == f"{job.work}: File exists\n"


def test_a_model_that_is_not_here_is_named(tmp_path: Path) -> None:
    job = train_job(tmp_path, model="someone/nothing")
    (tmp_path / "prepared.jsonl").write_text('{"id": "a", "input_ids": [1, 1], "labels": [-100, 1]}\n')
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/no-such-model"
    assert "someone/nothing" in job.result["message"]
