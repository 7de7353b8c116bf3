"""What a recipe tells Axolotl itself: known, of the right kind, and harmless, or refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axolotl.integrations.liger.args import LigerArgs
from axolotl.telemetry.manager import TelemetryManager
from axolotl.utils.schemas.config import AxolotlInputConfig

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.training.axolotl.extra import EXTRA, checked
from secpi_trainers.training.check import run_check

from ..support import run
from ..test_axolotl_configuration import TOLD, told
from ..test_settings import train_job
from ..test_train import train_job as real_job


def keys_of(model: Any) -> set[str]:  # noqa: ANN401
    return {name for key, field in model.model_fields.items() for name in (key, field.alias) if name}


def test_axolotl_knows_every_key_that_it_is_told(tmp_path: Path) -> None:
    """It drops what it does not know without a word."""
    known = keys_of(AxolotlInputConfig) | keys_of(LigerArgs)
    for keys in [{}, *(keys for keys, _ in TOLD.values())]:
        assert set(told(train_job(tmp_path, **keys), "cuda")) <= known
    assert keys_of(AxolotlInputConfig) >= EXTRA


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"neftune_noise_alfa": 5.0}, "Axolotl knows no setting `neftune_noise_alfa`; did you mean `neftune_noise_a"),
        ({"hub_model_id": "me/mine"}, "`extra.hub_model_id` is not for recipes"),
        ({"plugins": ["os.path"]}, "`extra.plugins` is not for recipes"),
        ({"trust_remote_code": True}, "`extra.trust_remote_code` is not for recipes"),
        ({"learning_rate": 1.0}, "`extra.learning_rate` is not for recipes"),
        ({"neftune_noise_alpha": "five"}, "`extra.neftune_noise_alpha`: Input should be a valid number"),
        ({"dataloader_num_workers": 1.5}, "`extra.dataloader_num_workers`: Input should be a valid integer"),
    ],
)
def test_what_axolotl_would_drop_or_choke_on_is_refused(extra: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainerError) as error:
        checked(extra)
    assert (error.value.code, error.value.message[: len(said)]) == ("trainer/bad-extra", said)


def test_it_is_told_before_anything_is_bought(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check('{"trainer": "axolotl", "steps": 3, "extra": {"torch_compil": true}}', 1) == 0
    assert "did you mean `torch_compile`?" in capsys.readouterr().out


def test_it_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "prepared.jsonl").write_text("no rows at all")
    (tmp_path / "model").mkdir()
    job = real_job(
        tmp_path / "model", tmp_path / "prepared.jsonl", tmp_path, trainer="axolotl", extra={"torch_compil": True}
    )
    assert run("train", job) == 1
    assert job.result["message"] == "Axolotl knows no setting `torch_compil`; did you mean `torch_compile`?"


def test_what_axolotl_says_against_it_is_passed_on(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = real_job(base, prepared, tmp_path, trainer="axolotl", extra={"neftune_noise_alpha": -1.0})
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/axolotl-refuses"
    assert "neftune_noise_alpha must be > 0.0" in job.result["message"]


def test_nobody_is_told_of_a_run() -> None:
    assert not TelemetryManager.get_instance().enabled
