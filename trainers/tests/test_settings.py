"""Every setting of TRL is set from the spec, may be given by a recipe, or is neither for a reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from trl import SFTConfig

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.jobs import TrainJob, check_job
from secpi_trainers.training.asked.requirements import attention_of, require_what_it_takes
from secpi_trainers.training.asked.settings import EXTRA, trl_settings
from secpi_trainers.training.asked.spec import TrainSpec

SET = {
    *("adam_beta1", "adam_beta2", "adam_epsilon", "bf16", "data_seed", "dataset_kwargs", "disable_tqdm", "fp16"),
    *("gradient_accumulation_steps", "gradient_checkpointing", "gradient_checkpointing_kwargs", "learning_rate"),
    *("logging_nan_inf_filter", "logging_steps", "loss_type", "lr_scheduler_kwargs", "lr_scheduler_type"),
    *("max_grad_norm", "max_length", "max_steps", "num_train_epochs", "optim", "output_dir", "packing"),
    *(
        "packing_strategy",
        "per_device_train_batch_size",
        "project",
        "report_to",
        "run_name",
        "save_steps",
        "save_strategy",
    ),
    *("save_total_limit", "seed", "use_cpu", "use_liger_kernel", "warmup_steps", "weight_decay"),
}
NOT_FOR_RECIPES = {
    "rows and masks are finished": {
        *(
            "assistant_only_loss",
            "chat_template_path",
            "completion_only_loss",
            "dataset_num_proc",
            "dataset_text_field",
        ),
        *("eos_token", "eval_packing", "label_names", "length_column_name", "pad_token", "padding_free"),
        *("remove_unused_columns", "shuffle_dataset", "truncation_mode", "dataloader_drop_last"),
    },
    "checkpoints and resumes are kept by secpi": {
        *("auto_find_batch_size", "enable_jit_checkpoint", "ignore_data_skip", "load_best_model_at_end"),
        *("restore_callback_states_from_checkpoint", "resume_from_checkpoint", "save_on_each_node", "save_only_model"),
        *("dataloader_in_order", "dataloader_multiprocessing_context"),
    },
    "secpi measures what is set aside": {
        *("batch_eval_metrics", "do_eval", "do_predict", "do_train", "eval_accumulation_steps", "eval_delay"),
        *("eval_do_concat_batches", "eval_on_start", "eval_steps", "eval_strategy", "eval_use_gather_object"),
        *("greater_is_better", "include_for_metrics", "metric_for_best_model", "per_device_eval_batch_size"),
        *("prediction_loss_only", "bf16_full_eval", "fp16_full_eval"),
    },
    "secpi reports": {
        *("include_num_input_tokens_seen", "log_level", "log_level_replica", "log_on_each_node", "logging_first_step"),
        *("logging_strategy", "skip_memory_metrics", "trackio_bucket_id", "trackio_space_id"),
        *("trackio_static_space_id", "debug"),
    },
    "nothing is sent or fetched": {
        *("hub_always_push", "hub_model_id", "hub_private_repo", "hub_revision", "hub_strategy", "hub_token"),
        *("push_to_hub", "trust_remote_code", "model_init_kwargs"),
    },
    "how GPUs share the work is said by `parallel`": {
        *("accelerator_config", "ddp_backend", "deepspeed", "fsdp", "fsdp_config", "local_rank", "parallelism_config"),
    },
    "it makes no sense here": {"optim_target_modules", "use_cache"},
}


def train_job(folder: Path, **keys: Any) -> TrainJob:  # noqa: ANN401
    for name in ("prepared.jsonl", "holdout.jsonl"):
        (folder / name).write_text("")
    places = {"work": str(folder / "work"), "output": str(folder / "out"), "prepared": str(folder / "prepared.jsonl")}
    document = {"schema": 1, "model": "a/b", "model_name": "a/b", "seed": 7, "save_every_steps": 13, **places, **keys}
    if "epochs" not in document:
        document.setdefault("steps", 11)
    job = check_job("train", document)
    assert isinstance(job, TrainJob)
    return job


def test_each_of_trl_is_accounted_for_once() -> None:
    groups = [SET, set(EXTRA), *NOT_FOR_RECIPES.values()]
    assert sorted(name for group in groups for name in group) == sorted(field.name for field in fields(SFTConfig))


# A value that is not the default, and what TRL is told for it.
TOLD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "epochs": ({"epochs": 2.5}, {"num_train_epochs": 2.5, "max_steps": -1}),
    "steps": ({"steps": 9}, {"max_steps": 9}),
    "packing": ({"packing": True, "max_tokens": 77}, {"packing": True, "packing_strategy": "bfd", "max_length": 77}),
    "batch_size": ({"batch_size": 3}, {"per_device_train_batch_size": 3}),
    "gradient_accumulation": ({"gradient_accumulation": 5}, {"gradient_accumulation_steps": 5}),
    "batch_tokens": (
        {"packing": True, "max_tokens": 100, "batch_tokens": 250},
        {"gradient_accumulation_steps": 3},
    ),
    "learning_rate": ({"learning_rate": 0.5}, {"learning_rate": 0.5}),
    "scheduler": ({"scheduler": "constant"}, {"lr_scheduler_type": "constant_with_warmup"}),
    "minimum_rate": (
        {"minimum_rate": 0.1},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
    ),
    "warmup_steps": ({"warmup_steps": 4}, {"warmup_steps": 4}),
    "warmup_ratio": ({"warmup_ratio": 0.25}, {"warmup_steps": 0.25}),
    "optimizer": ({"optimizer": "adamw_8bit"}, {"optim": "adamw_bnb_8bit"}),
    "adam": (
        {"adam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}},
        {"adam_beta1": 0.8, "adam_beta2": 0.95, "adam_epsilon": 1e-6},
    ),
    "weight_decay": ({"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "max_grad_norm": ({"max_grad_norm": 0.2}, {"max_grad_norm": 0.2}),
    "loss": ({"loss": "liger"}, {"use_liger_kernel": True, "loss_type": "nll"}),
    "dtype": ({"dtype": "float32"}, {"bf16": False, "fp16": False}),
    "gradient_checkpointing": ({"gradient_checkpointing": False}, {"gradient_checkpointing": False}),
    "extra": ({"extra": {"neftune_noise_alpha": 5.0}}, {"neftune_noise_alpha": 5.0}),
}
ELSEWHERE = {
    *("trainer", "method", "lora", "max_tokens", "attention"),  # how the model is loaded, and rows are checked
    *("evaluate_every_steps", "patience", "average_checkpoints"),  # callbacks of ours
    "parallel",  # a launcher
}


def test_each_of_the_spec_is_told_to_trl_or_meant_for_others() -> None:
    assert sorted([*TOLD, *ELSEWHERE]) == sorted(TrainSpec.model_fields)


@pytest.mark.parametrize("name", TOLD)
def test_trl_is_told(name: str, tmp_path: Path) -> None:
    keys, told = TOLD[name]
    before = trl_settings(train_job(tmp_path), tmp_path, "cpu")
    after = trl_settings(train_job(tmp_path, **keys), tmp_path, "cpu")
    assert {key: getattr(after, key) for key in told} == told
    assert any(getattr(before, key) != getattr(after, key) for key in told), "it is so by default"


def test_ranks_share_the_tokens_of_a_step(tmp_path: Path) -> None:
    job = train_job(tmp_path, packing=True, max_tokens=100, batch_tokens=800)
    assert trl_settings(job, tmp_path, "cpu", ranks=4).gradient_accumulation_steps == 2


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"neftune_noise_alfa": 5.0}, "TRL knows no setting `neftune_noise_alfa`; did you mean `neftune_noise_alpha`?"),
        ({"push_to_hub": True}, "`extra.push_to_hub` is not for recipes"),
        ({"learning_rate": 1.0}, "`extra.learning_rate` is not for recipes"),
        ({"neftune_noise_alpha": "five"}, "`extra.neftune_noise_alpha`: Input should be a valid number"),
        ({"dataloader_num_workers": 1.5}, "`extra.dataloader_num_workers`: Input should be a valid integer"),
    ],
)
def test_what_trl_would_ignore_or_choke_on_is_refused(extra: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(TrainerError) as error:
        trl_settings(train_job(tmp_path, extra=extra), tmp_path, "cpu")
    assert (error.value.code, error.value.message[: len(said)]) == ("trainer/bad-extra", said)


def test_how_rows_are_drawn_is_not_said_to_several(tmp_path: Path) -> None:
    job = train_job(tmp_path, extra={"train_sampling_strategy": "sequential"})
    trl_settings(job, tmp_path, "cpu")
    with pytest.raises(TrainerError, match="is for one process"):
        trl_settings(job, tmp_path, "cpu", ranks=2)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"method": "qlora"}, "trainer/qlora-needs-cuda"),
        ({"optimizer": "adamw_8bit"}, "trainer/needs-cuda"),
        ({"loss": "liger"}, "trainer/needs-cuda"),
        ({"attention": "flash_attention_2"}, "trainer/needs-cuda"),
    ],
)
def test_what_a_machine_cannot_do_is_said_first(
    keys: dict[str, Any], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = train_job(tmp_path, **keys)
    with pytest.raises(TrainerError) as error:
        require_what_it_takes(job, "cpu")
    assert error.value.code == code
    monkeypatch.setattr("secpi_trainers.training.asked.requirements.find_spec", lambda _: None)
    with pytest.raises(TrainerError) as error:
        require_what_it_takes(job, "cuda")
    assert error.value.code == "trainer/needs-package"


def test_attention_is_what_is_asked_for_or_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attention_of(train_job(tmp_path), "cuda") == "sdpa"
    monkeypatch.setattr("secpi_trainers.training.asked.requirements.find_spec", lambda name: name)
    assert attention_of(train_job(tmp_path), "cuda") == "flash_attention_2"
    assert attention_of(train_job(tmp_path, dtype="float32"), "cuda") == "sdpa"
    assert attention_of(train_job(tmp_path), "cpu") == "sdpa"
    assert attention_of(train_job(tmp_path, attention="eager"), "cuda") == "eager"
