"""Which way several processes share a training, and whether the libraries take what they are told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import FullyShardedDataParallelPlugin

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.jobs import TrainJob, check_job
from secpi_trainers.training.asked.settings import trl_settings
from secpi_trainers.training.asked.spec import TrainSpec
from secpi_trainers.training.careful import CarefulTrainer
from secpi_trainers.training.ranks.parallel import Hardware, sharing_settings, strategy_of
from secpi_trainers.training.ranks.split import numbers_in

from .test_jobs import train_job

H100 = 80 << 30
QWQ, SMALL = 32_763_876_352, 1_500_000_000


def spec(**keys: Any) -> TrainSpec:  # noqa: ANN401
    return TrainSpec(steps=1, **keys)


@pytest.mark.parametrize(
    ("keys", "parameters", "there", "expected"),
    [
        ({"method": "lora"}, QWQ, Hardware("cuda", 1, H100), "alone"),
        ({"method": "full", "parallel": {"strategy": "fsdp"}}, QWQ, Hardware("cuda", 1, H100), "alone"),
        # 65 GB of weights leave a card of 80 nothing to train in, and one of 141 enough.
        ({"method": "lora"}, QWQ, Hardware("cuda", 8, H100), "fsdp"),
        ({"method": "lora"}, QWQ, Hardware("cuda", 8, 141 << 30), "ddp"),
        ({"method": "lora"}, SMALL, Hardware("cuda", 8, H100), "ddp"),
        ({"method": "qlora"}, QWQ, Hardware("cuda", 8, H100), "ddp"),
        ({"method": "full"}, QWQ, Hardware("cuda", 16, H100), "fsdp"),
        ({"method": "full"}, SMALL, Hardware("cuda", 8, H100), "ddp"),
        ({"method": "full", "parallel": {"strategy": "fsdp"}}, SMALL, Hardware("cuda", 8, H100), "fsdp"),
        ({"method": "lora", "parallel": {"offload": True}}, SMALL, Hardware("cuda", 8, H100), "fsdp"),
        ({"method": "full"}, QWQ, Hardware("cpu", 2), "ddp"),
        ({"method": "full", "parallel": {"strategy": "fsdp"}}, QWQ, Hardware("cpu", 2), "fsdp"),
        (
            {"method": "full", "parallel": {"strategy": "zero3"}},
            QWQ,
            Hardware("cuda", 8, H100, has_deepspeed=True),
            "zero3",
        ),
    ],
)
def test_the_choice(keys: dict[str, Any], parameters: int, there: Hardware, expected: str) -> None:
    assert strategy_of(spec(**keys), parameters, there) == expected


@pytest.mark.parametrize(
    ("keys", "there", "why"),
    [
        ({"method": "full", "parallel": {"strategy": "zero3"}}, Hardware("cuda", 8, H100), "deepspeed"),
        ({"method": "full", "parallel": {"strategy": "fsdp", "offload": True}}, Hardware("cpu", 2), "needs GPUs"),
    ],
)
def test_what_does_not_go_together_is_said(keys: dict[str, Any], there: Hardware, why: str) -> None:
    with pytest.raises(TrainerError, match=why) as error:
        strategy_of(spec(**keys), QWQ, there)
    assert error.value.code == "trainer/cannot-share"


@pytest.mark.parametrize("offload", [False, True])
def test_accelerate_takes_the_settings_of_fsdp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offload: bool) -> None:
    for name in ("FSDP_CPU_RAM_EFFICIENT_LOADING", "ACCELERATE_USE_FSDP"):
        monkeypatch.setenv(name, "false")
    monkeypatch.setattr("secpi_trainers.training.asked.settings.share_on_cpu_too", lambda _: None)
    job = train_job(tmp_path)
    document = json.loads(job.path.read_text())
    document |= {"gradient_checkpointing": True, "parallel": {"strategy": "fsdp", "offload": offload}}
    checked = check_job("train", document)
    assert isinstance(checked, TrainJob)
    settings = trl_settings(checked, tmp_path, "cpu", 2, "fsdp")
    # As the Trainer makes it, and with nothing that it leaves out without a word.
    plugin = FullyShardedDataParallelPlugin(**settings.fsdp_plugin_args)
    assert plugin.fsdp_version == 2
    assert str(plugin.state_dict_type).endswith("SHARDED_STATE_DICT")
    assert plugin.reshard_after_forward is True
    assert plugin.cpu_ram_efficient_loading is True
    assert settings.gradient_checkpointing is True
    assert (type(plugin.cpu_offload).__name__ == "CPUOffloadPolicy") is offload
    # What is not wished for is not handed on.
    given = {name for name, value in sharing_settings("fsdp", checked)["fsdp_config"].items() if value}
    assert given - {"version"} <= set(settings.fsdp_plugin_args)


def test_what_is_empty_unless_it_is_in_use_is_counted_whole() -> None:
    item = torch.nn.Parameter(torch.empty(0))
    assert numbers_in(item) == 0
    # As DeepSpeed does it.
    item.ds_numel = 12
    assert numbers_in(item) == 12


def test_with_ddp_no_gradient_lies_in_memory_twice(tmp_path: Path) -> None:
    job = check_job("train", json.loads(train_job(tmp_path).path.read_text()))
    assert isinstance(job, TrainJob)
    trainer = CarefulTrainer.__new__(CarefulTrainer)
    trainer.args, trainer.model = trl_settings(job, tmp_path, "cpu"), torch.nn.Linear(1, 1)
    (handler,) = trainer._build_accelerator_args()["kwargs_handlers"]
    assert handler.to_kwargs() == {"gradient_as_bucket_view": True}
