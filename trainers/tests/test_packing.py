"""Packed rows are the same rows: whole, once each, and none sees another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from secpi_trainers.data.packing import write_packed
from secpi_trainers.models.checkpoints import Checkpoint, discard

from .support import Job, digests, read_prepared, run
from .test_train import train_job

LENGTH = 130
"""The rows of the tests have about 60 tokens."""


def packed_job(base: Path, prepared: Path, folder: Path, **keys: Any) -> Job:  # noqa: ANN401
    settings = {"packing": True, "batch_size": 1, "gradient_accumulation": None, "max_tokens": LENGTH, "steps": 6}
    return train_job(base, prepared, folder, **settings | keys)


def test_each_row_is_in_one_sequence_whole_with_its_labels(prepared: Path, tmp_path: Path) -> None:
    rows = read_prepared(prepared, LENGTH, tmp_path / "rows.arrow")
    write_packed(rows.dataset, LENGTH, tmp_path / "packed.arrow")
    sequences = Dataset.from_file(str(tmp_path / "packed.arrow"))
    found = []
    for sequence in sequences:
        assert len(sequence["input_ids"]) == len(sequence["labels"]) == sum(sequence["seq_lengths"]) <= LENGTH
        begin = 0
        for length in sequence["seq_lengths"]:
            end = begin + length
            found.append((sequence["input_ids"][begin:end], sequence["labels"][begin:end]))
            begin = end
    assert sorted(found) == sorted(rows)
    assert 1 < len(sequences) < len(rows)


def test_rows_learn_nothing_of_those_beside_them(base: Path, prepared: Path, tmp_path: Path) -> None:
    """The loss of a step over all sequences is the mean over all rows, each by itself; a hair would show."""
    for attention in ("sdpa", "eager"):
        folder = tmp_path / attention
        folder.mkdir()
        keys = {"attention": attention, "batch_tokens": 3 * LENGTH, "steps": 1, "learning_rate": 1e-12}
        job = packed_job(base, prepared, folder, holdout=str(prepared), **keys)
        assert run("train", job) == 0
        assert job.result["sequences"] == 3
        assert job.result["attention"] == attention
        assert job.result["first_loss"] == pytest.approx(job.result["holdout_loss"], rel=1e-5)


def test_a_first_token_is_never_predicted_from_the_row_before(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a row has its first token in the loss."""
    from secpi_trainers.training.trainer import Trainer

    seen: list[Any] = []
    step = Trainer.training_step

    def watched(trainer: Trainer, model: Any, inputs: dict[str, Any], *rest: Any) -> Any:  # noqa: ANN401
        seen.append({name: value.tolist()[0] for name, value in inputs.items()})
        return step(trainer, model, inputs, *rest)

    monkeypatch.setattr(Trainer, "training_step", watched)
    rows = [{"id": name, "input_ids": [number] * 4, "labels": [number] * 4} for number, name in enumerate("abc", 5)]
    (tmp_path / "prepared.jsonl").write_text("".join(str(row).replace("'", '"') + "\n" for row in rows))
    assert run("train", packed_job(base, tmp_path / "prepared.jsonl", tmp_path, steps=1, max_tokens=12)) == 0
    (batch,) = seen
    assert batch["position_ids"] == [0, 1, 2, 3] * 3
    assert [label == -100 for label in batch["labels"]] == [True, False, False, False] * 3
    assert "attention_mask" not in batch


def test_a_resume_ends_with_the_same_bytes(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = packed_job(base, prepared, tmp_path, save_every_steps=2, batch_tokens=2 * LENGTH)
    assert run("train", job) == 0
    whole = digests(job.output)
    discard(Checkpoint(job.work / "checkpoints" / "checkpoint-6", 6))
    again = Job(job.work, tmp_path / "again")
    again.path.write_text(job.path.read_text().replace(str(job.output), str(again.output)))
    assert run("train", again) == 0
    assert again.result["resumed_from"] == 4
    assert digests(again.output) == whole


def test_a_sequence_never_holds_more_than_fits(tmp_path: Path) -> None:
    lengths = [7, 9, 3, 10, 1, 1, 5, 5, 2]
    rows = Dataset.from_dict({"input_ids": [[n] * n for n in lengths], "labels": [[n] * n for n in lengths]})
    write_packed(rows, 10, tmp_path / "packed.arrow")
    sequences = Dataset.from_file(str(tmp_path / "packed.arrow"))
    assert max(len(row["input_ids"]) for row in sequences) == 10
    assert sorted(length for row in sequences for length in row["seq_lengths"]) == sorted(lengths)
