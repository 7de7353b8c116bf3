"""What services of curves are told, and what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.training.asked.trackers import MlflowSettings, Trackers, TrackioSettings, WandbSettings

WANDB = Trackers(wandb=WandbSettings(project="a"))


@pytest.mark.parametrize(
    "trackers",
    [
        WANDB,
        Trackers(mlflow=MlflowSettings(tracking_uri="http://localhost:1", experiment="a")),
        Trackers(trackio=TrackioSettings(project="a")),
    ],
)
def test_a_package_that_is_missing_is_named(trackers: Trackers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secpi_trainers.training.asked.trackers.find_spec", lambda _: None)
    with pytest.raises(TrainerError) as error:
        trackers.require({"WANDB_API_KEY": "k"})
    assert error.value.code == "trainer/needs-package"
    assert trackers.names[0] in error.value.message


def test_online_it_needs_a_key_and_offline_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secpi_trainers.training.asked.trackers.find_spec", lambda name: name)
    with pytest.raises(TrainerError) as error:
        WANDB.require({})
    assert error.value.code == "trainer/needs-key"
    WANDB.require({"WANDB_API_KEY": "k"})
    Trackers(wandb=WandbSettings(project="a", mode="offline")).require({})


def test_no_code_no_weights_and_one_run_for_all_attempts(tmp_path: Path) -> None:
    told = WANDB.variables(tmp_path, "abc")
    assert {name: told[name] for name in ("WANDB_RUN_ID", "WANDB_RESUME", "WANDB_LOG_MODEL", "WANDB_CONSOLE")} == {
        "WANDB_RUN_ID": "abc",
        "WANDB_RESUME": "allow",
        "WANDB_LOG_MODEL": "false",
        "WANDB_CONSOLE": "off",
    }
    assert told["WANDB_DISABLE_CODE"] == told["WANDB_DISABLE_GIT"] == "true"
    assert "WANDB_API_KEY" not in told
    assert Trackers().variables(tmp_path, "abc") == {}
