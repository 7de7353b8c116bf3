"""Every setting of ours is told to Axolotl or refused in a sentence. Needs no Axolotl; `axolotl/` has what does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.jobs import TrainJob
from secpi_trainers.training.asked.requirements import require_what_it_takes
from secpi_trainers.training.asked.spec import TrainSpec
from secpi_trainers.training.axolotl.configuration import axolotl_configuration
from secpi_trainers.training.axolotl.extra import EXTRA
from secpi_trainers.training.ranks.parallel import Strategy, sharing_settings

from .test_settings import train_job


def told(job: TrainJob, device: str = "cpu", ranks: int = 1, strategy: Strategy = "alone") -> dict[str, Any]:
    """What Axolotl is told of a job."""
    return axolotl_configuration(job, Path("/base"), Path("/checkpoints"), device, "sdpa", ranks, strategy)


# A value that is not the default, and what Axolotl is told for it.
TOLD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "method": ({"method": "qlora"}, {"adapter": "qlora", "load_in_4bit": True}),
    "lora": (
        {"lora": {"rank": 3, "alpha": 5, "dropout": 0.5, "targets": ["q_proj"]}},
        {"lora_r": 3, "lora_alpha": 5, "lora_dropout": 0.5, "lora_target_modules": ["q_proj"]},
    ),
    "max_tokens": ({"max_tokens": 77}, {"sequence_len": 77}),
    "epochs": ({"epochs": 2.5}, {"num_epochs": 2.5, "max_steps": None}),
    "steps": ({"steps": 9}, {"max_steps": 9}),
    "batch_size": ({"batch_size": 3}, {"micro_batch_size": 3}),
    "gradient_accumulation": ({"gradient_accumulation": 5}, {"gradient_accumulation_steps": 5}),
    "batch_tokens": (
        {"packing": True, "max_tokens": 100, "batch_tokens": 250},
        {"gradient_accumulation_steps": 3},
    ),
    "learning_rate": ({"learning_rate": 0.5}, {"learning_rate": 0.5}),
    "scheduler": ({"scheduler": "constant"}, {"lr_scheduler": "constant_with_warmup"}),
    "minimum_rate": (
        {"minimum_rate": 0.1},
        {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
    ),
    "warmup_steps": ({"warmup_steps": 4}, {"warmup_steps": 4, "warmup_ratio": None}),
    "warmup_ratio": ({"warmup_ratio": 0.25}, {"warmup_ratio": 0.25, "warmup_steps": None}),
    "optimizer": ({"optimizer": "adamw_8bit"}, {"optimizer": "adamw_bnb_8bit"}),
    "adam": (
        {"adam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}},
        {"adam_beta1": 0.8, "adam_beta2": 0.95, "adam_epsilon": 1e-6},
    ),
    "weight_decay": ({"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "max_grad_norm": ({"max_grad_norm": 0.2}, {"max_grad_norm": 0.2}),
    "dtype": ({"dtype": "float32"}, {"bf16": False, "fp16": False}),
    "gradient_checkpointing": ({"gradient_checkpointing": False}, {"gradient_checkpointing": False}),
}
TOLD["loss"] = (
    {"loss": "liger"},
    {"plugins": ["axolotl.integrations.liger.LigerPlugin"], "liger_fused_linear_cross_entropy": True},
)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "lora": ({"lora": {"alpha": 1.5}}, "Axolotl takes whole numbers for `lora.alpha`, and this is 1.5"),
}
ELSEWHERE = {
    "trainer",  # that is how one gets here
    "attention",  # decided by what is there, and an argument
    "packing",  # the rows are packed before Axolotl sees them
    *("evaluate_every_steps", "patience"),  # a callback of ours
    "average_checkpoints",  # made of what Axolotl has left
    "parallel",  # decided by what is there, and an argument; see below
    "extra",  # see `axolotl/test_extra.py`
}


def test_each_of_the_spec_is_told_to_axolotl_or_refused_or_meant_for_others() -> None:
    named = {name.split(".")[0] for name in [*TOLD, *REFUSED, *ELSEWHERE]}
    assert named == set(TrainSpec.model_fields)


@pytest.mark.parametrize("name", TOLD)
def test_axolotl_is_told(name: str, tmp_path: Path) -> None:
    keys, expected = TOLD[name]
    before, after = told(train_job(tmp_path)), told(train_job(tmp_path, **keys))
    assert {key: after.get(key) for key in expected} == expected
    assert any(before.get(key) != after.get(key) for key in expected), "it is so by default"


@pytest.mark.parametrize("name", REFUSED)
def test_what_axolotl_cannot_do_is_refused(name: str, tmp_path: Path) -> None:
    keys, said = REFUSED[name]
    with pytest.raises(TrainerError) as error:
        told(train_job(tmp_path, **keys))
    assert error.value.code == "trainer/not-with-axolotl"
    assert error.value.message.startswith(said)


def test_nothing_is_adapted_where_all_weights_are_trained(tmp_path: Path) -> None:
    assert not any("lora" in key or key == "adapter" for key in told(train_job(tmp_path, method="full")))


def test_kernels_for_cuda_are_off_without_it(tmp_path: Path) -> None:
    kernels = ("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel")
    job = train_job(tmp_path)
    assert {told(job, "cpu").get(kernel) for kernel in kernels} == {False}
    assert {told(job, "cuda").get(kernel) for kernel in kernels} == {None}


def test_a_recipe_cannot_say_twice_what_the_spec_says(tmp_path: Path) -> None:
    for keys in [{}, *(keys for keys, _ in TOLD.values())]:
        said = set(told(train_job(tmp_path, **keys), "cuda"))
        assert said.isdisjoint(EXTRA)


def test_several_gpus_share_as_under_trl(tmp_path: Path) -> None:
    for offload in (False, True):
        job = train_job(tmp_path, parallel={"offload": offload}, packing=True, max_tokens=100, batch_tokens=350)
        theirs = sharing_settings("fsdp", job)["fsdp_config"]
        ours = told(job, "cuda", 4, "fsdp")
        assert ours["fsdp_version"] == theirs.pop("version")
        # By its other name.
        assert ours["fsdp_config"] == theirs | {"offload_params": theirs.pop("cpu_offload")}
        assert {"deepspeed": told(job, "cuda", 4, "zero3")["deepspeed"]} == sharing_settings("zero3", job)
        assert told(job, "cuda", 4, "ddp").keys().isdisjoint({"fsdp_version", "fsdp_config", "deepspeed"})
        assert [told(job, ranks=ranks)["gradient_accumulation_steps"] for ranks in (1, 2, 4)] == [4, 2, 1]


def test_where_axolotl_is_not_that_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secpi_trainers.training.asked.requirements.find_spec", lambda _: None)
    with pytest.raises(TrainerError) as error:
        require_what_it_takes(train_job(tmp_path, trainer="axolotl"), "cpu")
    assert error.value.code == "trainer/needs-package"
