"""Real TRL runs on a small model: bit-equal after any kind of interruption."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer

from secpi_trainers.models.checkpoints import Checkpoint, checkpoints, discard
from secpi_trainers.training.train import _parameters
from secpi_trainers.training.trainer import Trainer

from .support import Job, digests, read_lines, run, start, wait_until, write_lines

STEPS = 40
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def train_job(base: Path, prepared: Path, folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    settings: dict[str, Any] = {
        "revision": COMMIT,
        "method": "lora",
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
        "steps": STEPS,
        "batch_size": 2,
        "gradient_accumulation": 2,
        "learning_rate": 5e-3,
        "warmup_steps": 3,
        "max_tokens": 400,
        "save_every_steps": 10,
        "dtype": "float32",
        "gradient_checkpointing": False,
        "seed": 7,
        "device": "cpu",
        "threads": 2,
    }
    if keys.get("method") == "full":
        settings.pop("lora")
    job = Job(folder / "work", folder / "out")
    return job.write(model=base, model_name="secpi-tiny", prepared=prepared, **settings | keys)


@pytest.fixture(scope="module")
def whole(base: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run without interruption, in a process of its own."""
    job = train_job(base, prepared, tmp_path_factory.mktemp("whole"))
    assert start("train", job).wait() == 0
    return job


def test_leaves_an_adapter_and_a_loss_curve(whole: Job, base: Path) -> None:
    assert sorted(digests(whole.output)) == [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "loss.jsonl",
    ]
    settings = json.loads((whole.output / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "secpi-tiny"
    assert settings["target_modules"] == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    assert str(base).encode() not in b"".join(path.read_bytes() for path in whole.output.rglob("*.*"))
    losses = read_lines(whole.output / "loss.jsonl")
    assert [line["step"] for line in losses] == list(range(1, STEPS + 1))
    assert set(losses[0]) == {"step", "epoch", "loss", "learning_rate", "grad_norm"}
    result = whole.result
    assert result["first_loss"] == losses[0]["loss"]
    assert result["final_loss"] == losses[-1]["loss"] < losses[0]["loss"] / 2
    assert result["steps"] == STEPS
    assert result["rows"] == 6
    rows = [row["labels"] for row in read_lines(Path(json.loads(whole.path.read_text())["prepared"]))]
    trained = sum(label != -100 for labels in rows for label in labels)
    assert result["tokens"] == round(trained * result["epochs"])
    assert result["tokens"] + result["prompt_tokens"] == pytest.approx(sum(map(len, rows)) * result["epochs"], abs=1)
    assert settings["revision"] == COMMIT
    assert 0 < result["trainable_parameters"] < result["total_parameters"]
    assert [event["loss"] for event in read_lines(whole.work / "events.jsonl") if event["type"] == "metric"] == [
        line["loss"] for line in losses
    ]


def test_killed_it_ends_with_the_same_bytes_whatever_the_threads(
    whole: Job, base: Path, prepared: Path, tmp_path: Path
) -> None:
    job = train_job(base, prepared, tmp_path, threads=4)
    process = start("train", job)
    wait_until(lambda: max(job.steps(), default=0) >= 25, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (job.work / "result.json").exists()
    # The newest checkpoint is damaged as well, so that the one before it has to serve.
    newest = job.work / "checkpoints" / "checkpoint-20"
    (newest / "optimizer.pt").unlink()
    assert run("train", job) == 0
    assert job.result["resumed_from"] == 10
    assert digests(job.output) == digests(whole.output)


def test_a_signal_stops_it_and_the_same_job_goes_on(whole: Job, base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path)
    process = start("train", job)
    wait_until(lambda: max(job.steps(), default=0) >= 13, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 75
    result = job.result
    assert result["outcome"] == "stopped"
    assert not job.output.exists()
    last = max(job.steps())
    assert last < STEPS
    assert run("train", job) == 0
    assert job.result["resumed_from"] == last
    assert digests(job.output) == digests(whole.output)


def test_a_finished_job_runs_again_without_training(whole: Job, base: Path, prepared: Path, tmp_path: Path) -> None:
    before = digests(whole.output)
    job = Job(whole.work, tmp_path / "out")
    document = json.loads(whole.path.read_text())
    job.path = tmp_path / "again.json"
    job.path.write_text(json.dumps(document | {"output": str(tmp_path / "out")}))
    assert run("train", job) == 0
    assert job.result["resumed_from"] == STEPS
    assert digests(job.output) == before


def test_how_often_it_saves_may_change_in_between(base: Path, prepared: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"steps": 6, "keep_checkpoints": 9, "gradient_accumulation": 1}
    assert run("train", train_job(base, prepared, tmp_path, save_every_steps=4, **settings)) == 0
    job = train_job(base, prepared, tmp_path, save_every_steps=1, **settings)
    discard(Checkpoint(job.work / "checkpoints" / "checkpoint-6", 6))
    assert run("train", job) == 0
    assert job.result["resumed_from"] == 4
    assert [item.step for item in checkpoints(job.work / "checkpoints")] == [6, 5, 4]


def test_it_does_not_outlive_the_one_that_started_it(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path, lifeline=True, steps=100_000)
    process = start("train", job, stdin=subprocess.PIPE)
    wait_until(lambda: len(job.steps()) >= 1, process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=10) == 1
    assert not (job.work / "result.json").exists()


def test_full_weights_and_a_loss_on_held_out_rows(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path, method="full", steps=4, learning_rate=1e-3, holdout=str(prepared))
    assert run("train", job) == 0
    model = job.output / "model"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (model / name).read_bytes() == (base / name).read_bytes()
    assert digests(model)["model.safetensors"] != digests(base)["model.safetensors"]
    result = job.result
    assert result["trainable_parameters"] == result["total_parameters"]
    assert result["holdout_loss"] < result["first_loss"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"input_ids": [5] * 500, "labels": [5] * 500}, "trainer/row-too-long"),
        ({"input_ids": [5, 6], "labels": [5]}, "trainer/bad-rows"),
        ({"input_ids": [5, 6], "labels": [-100, 7]}, "trainer/bad-rows"),
        ({"input_ids": [5, 6], "labels": [-100, -100]}, "trainer/bad-rows"),
        ({"input_ids": [5, 6], "labels": [5, -100]}, "trainer/bad-rows"),
        ({"input_ids": [5, 60_000], "labels": [5, 60_000]}, "trainer/ids-outside-vocabulary"),
    ],
)
def test_rows_that_would_train_something_else(base: Path, tmp_path: Path, row: dict[str, Any], code: str) -> None:
    write_lines(tmp_path / "prepared.jsonl", [{"id": "a", **row}])
    job = train_job(base, tmp_path / "prepared.jsonl", tmp_path)
    assert run("train", job) == 1
    assert job.result["code"] == code
    assert not job.output.exists()


def test_padding_never_enters_the_loss_and_the_end_token_does(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one token is both: that is what a model learns to stop from."""
    model = tmp_path / "model"
    shutil.copytree(base, model)
    settings = json.loads((model / "tokenizer_config.json").read_text()) | {"pad_token": "<|im_end|>"}
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    end = AutoTokenizer.from_pretrained(str(model)).pad_token_id
    seen: list[dict[str, torch.Tensor]] = []
    step = Trainer.training_step

    def watched(trainer: Trainer, model: Any, inputs: dict[str, torch.Tensor], *rest: Any) -> Any:  # noqa: ANN401
        seen.append({name: inputs[name].clone() for name in ("input_ids", "labels", "attention_mask")})
        return step(trainer, model, inputs, *rest)

    monkeypatch.setattr(Trainer, "training_step", watched)
    assert run("train", train_job(model, prepared, tmp_path, steps=3, batch_size=2, gradient_accumulation=1)) == 0
    rows = {tuple(row["input_ids"]): row["labels"] for row in read_lines(prepared)}
    padded = 0
    for batch in seen:
        for ids, labels, mask in zip(*(batch[name].tolist() for name in batch), strict=True):
            length = sum(mask)
            assert labels == rows[tuple(ids[:length])] + [-100] * (len(ids) - length)
            assert (labels[length - 1], ids[length:]) == (end, [end] * (len(ids) - length))
            padded += len(ids) - length
    assert padded > 0


def test_qlora_without_a_gpu_says_so(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path, method="qlora", device="cpu")
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/qlora-needs-cuda"


def test_counts_both_parameters_that_a_four_bit_number_holds() -> None:
    class Params4bit(torch.nn.Parameter):
        """Stands for the class of bitsandbytes, which needs a GPU to make one."""

    model = get_peft_model(
        torch.nn.Sequential(torch.nn.Linear(4, 8, bias=False)), LoraConfig(r=2, target_modules=["0"])
    )
    packed = Params4bit(torch.zeros(4 * 8 // 2, 1, dtype=torch.uint8), requires_grad=False)
    model.base_model.model[0].base_layer.weight = packed
    adapter = 2 * 4 + 8 * 2
    assert _parameters(model) == (adapter, 4 * 8 + adapter)
