"""Lock, events, result."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from secpi_trainers.base import session
from secpi_trainers.base.errors import TrainerError
from secpi_trainers.base.files import write_whole
from secpi_trainers.base.session import Session, StopFlag

from .support import read_lines


def test_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOCK_WAIT_SECONDS", 0.2)
    with (
        Session(tmp_path, "train", StopFlag()),
        pytest.raises(TrainerError) as error,
        Session(tmp_path, "train", StopFlag()),
    ):
        pass
    assert error.value.code == "trainer/work-locked"
    with Session(tmp_path, "train", StopFlag()):
        pass


def test_an_old_result_goes_when_a_run_begins(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"outcome": "done"}')
    with Session(tmp_path, "train", StopFlag()) as running:
        assert not (tmp_path / "result.json").exists()
        running.finish("done", {"loss": float("nan")})
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["outcome"] == "done"
    assert result["loss"] is None


def test_events_start_on_a_line_of_their_own_and_carry_no_nan(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"type": "log", "message": "cut by kill')
    with Session(tmp_path, "train", StopFlag()) as running:
        running.event("metric", step=1, loss=float("nan"), grad_norm=float("inf"))
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[1]) == {"type": "metric", "step": 1, "loss": None, "grad_norm": None}


def test_events_can_be_read_while_it_runs(tmp_path: Path) -> None:
    with Session(tmp_path, "train", StopFlag()) as running:
        running.progress(1, 2, "rows")
        assert read_lines(tmp_path / "events.jsonl") == [{"type": "progress", "done": 1, "total": 2, "unit": "rows"}]


def test_two_that_write_the_same_file_at_once_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of two containers may have the same number, as these two have."""
    path, sync, nested = tmp_path / "result.json", os.fsync, False

    def meanwhile(handle: int) -> None:
        nonlocal nested
        sync(handle)
        if not nested:
            nested = True
            write_whole(path, "the other's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_whole(path, "ours")
    assert path.read_text() == "ours"
    assert [item.name for item in tmp_path.iterdir()] == ["result.json"]
