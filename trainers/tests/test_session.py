"""Lock, events, result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secpi_trainers.base import session
from secpi_trainers.base.errors import TrainerError
from secpi_trainers.base.files import write_whole
from secpi_trainers.base.session import Session, StopFlag

from .support import ROOT, read_lines


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


def test_a_forked_reader_of_rows_does_not_hear_the_signals_that_the_whole_group_is_sent() -> None:
    script = (
        "import multiprocessing, os, signal, time\n"
        "from secpi_trainers.base.session import SIGNALS, StopFlag\n"
        "def masked(pid):\n"
        "    lines = open(f'/proc/{pid}/status').read().splitlines()\n"
        "    bits = next(int(line.split()[1], 16) for line in lines if line.startswith('SigBlk'))\n"
        "    return [bool(bits >> (number - 1) & 1) for number in SIGNALS]\n"
        "stop = StopFlag(); stop.install()\n"
        "ready = multiprocessing.get_context('fork').Event()\n"
        "reader = multiprocessing.get_context('fork').Process(target=lambda: (ready.set(), time.sleep(60)))\n"
        "reader.start(); ready.wait()\n"
        "print(masked(reader.pid), masked(os.getpid()))\n"
        "os.killpg(0, signal.SIGTERM)\n"
        "print(stop.is_set, reader.is_alive()); reader.kill(); reader.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True
    )
    assert done.stdout.splitlines() == ["[True, True, True] [False, False, False]", "True True"]


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
