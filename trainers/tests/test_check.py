"""`check` says before anything is bought what a training would be refused with when it begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.training.asked.check import run_check

ROOT = Path(__file__).parents[1]


def checked(spec: dict[str, Any], capsys: pytest.CaptureFixture[str], processes: int = 1) -> dict[str, Any]:
    assert run_check(json.dumps(spec), processes) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    answer: dict[str, Any] = json.loads(lines[0])
    return answer


def test_extra_is_judged_by_what_trl_declares(capsys: pytest.CaptureFixture[str]) -> None:
    right = {"steps": 3, "extra": {"neftune_noise_alpha": 5.0}}
    assert checked(right, capsys) == {"schema": 1, "outcome": "done"}
    answer = checked({"steps": 3, "extra": {"neftune_noise_alfa": 5.0}}, capsys)
    assert answer == {
        "schema": 1,
        "outcome": "failed",
        "code": "trainer/bad-extra",
        "message": "TRL knows no setting `neftune_noise_alfa`; did you mean `neftune_noise_alpha`?",
    }
    assert "dataloader_num_workers" in checked({"steps": 3, "extra": {"zzz": 1}}, capsys)["hint"]
    ordered = {"steps": 3, "extra": {"train_sampling_strategy": "sequential"}}
    assert checked(ordered, capsys)["outcome"] == "done"
    assert checked(ordered, capsys, processes=2)["code"] == "trainer/bad-extra"


def test_what_axolotl_has_no_place_for_needs_no_axolotl_to_be_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secpi_trainers.training.asked.check.require_axolotl", lambda: None)
    spec = {"trainer": "axolotl", "steps": 3}
    assert checked(spec, capsys)["outcome"] == "done"
    assert checked(spec, capsys, processes=2)["outcome"] == "done"
    assert checked(spec | {"lora": {"alpha": 2.5}}, capsys)["code"] == "trainer/not-with-axolotl"


def test_a_spec_without_extra_costs_no_torch_and_a_wrong_one_is_a_fault_of_who_asks() -> None:
    script = (
        "import sys; from secpi_trainers.training.asked.check import run_check; "
        "run_check(sys.stdin.read(), 1); assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, input='{"steps": 0}', capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["code"] == "trainer/bad-job"


def test_it_is_asked_by_a_line_on_stdin() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "secpi_trainers", "check", "--ranks", "2"],
        cwd=ROOT,
        input='{"steps": 3}',
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == '{"schema": 1, "outcome": "done"}\n'
