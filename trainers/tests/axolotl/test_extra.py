"""What a recipe tells Axolotl itself: known, of the right kind, and harmless, or refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axolotl.integrations.liger.args import LigerArgs
from axolotl.telemetry.manager import TelemetryManager
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.training.asked.check import run_check
from secpi_trainers.training.axolotl.extra import EXTRA, checked
from secpi_trainers.training.ranks.parallel import Strategy

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
    assert (
        set(told(train_job(tmp_path), "cuda", 2, "fsdp")) | set(told(train_job(tmp_path), "cuda", 2, "zero3")) <= known
    )
    assert keys_of(AxolotlInputConfig) >= EXTRA


@pytest.mark.parametrize("strategy", ["ddp", "fsdp", "zero3"])
@pytest.mark.parametrize("offload", [False, True])
def test_axolotl_takes_how_several_gpus_share(tmp_path: Path, strategy: Strategy, offload: bool) -> None:
    configuration = told(train_job(tmp_path, parallel={"offload": offload}), "cuda", 2, strategy)
    there = {"n_gpu": 2, "bf16": True, "fp8": False, "tf32": True, "compute_capability": "sm_90"}
    seen = validate_config(DictDefault(configuration), there, {"torch_version": "2.13.0"})
    for key in ("fsdp_version", "deepspeed"):
        assert seen[key] == configuration.get(key)
    # All of it, with the version written in as well.
    config = {key: value for key, value in (seen["fsdp_config"] or {}).items() if value is not None}
    assert config == ({**configuration["fsdp_config"], "fsdp_version": 2} if strategy == "fsdp" else {})


def test_axolotl_says_itself_what_cannot_be_split(tmp_path: Path) -> None:
    configuration = told(train_job(tmp_path, optimizer="adamw_8bit"), "cuda", 2, "fsdp")
    with pytest.raises(ValueError, match="FSDP2 not compatible with adamw_bnb_8bit"):
        validate_config(DictDefault(configuration), {"n_gpu": 2, "bf16": True}, {"torch_version": "2.13.0"})


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


def test_several_processes_take_no_order_from_it() -> None:
    assert checked({"group_by_length": True}) == {"group_by_length": True}
    with pytest.raises(TrainerError, match=r"`extra\.group_by_length` is for one process"):
        checked({"group_by_length": True}, 2)


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
