"""Liger's forward pass, whose kernels take a GPU. Here, because this is the environment that has it."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
import torch
from liger_kernel.transformers.monkey_patch import _apply_liger_kernel_to_instance
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen2Config
from triton.runtime.jit import JITFunction

from secpi_trainers.training.liger import leave_out_logits

SIZES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
IDS = torch.tensor([[1, 2, 3, 4]])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """A model with an adapter, as TRL and Axolotl hand it to Liger; what a kernel would have computed is not there."""
    monkeypatch.setattr(JITFunction, "__getitem__", lambda *_: lambda *_, **__: None)
    config = Qwen2Config(**SIZES, num_key_value_heads=1, vocab_size=512, use_cache=False)
    made = get_peft_model(AutoModelForCausalLM.from_config(config), LoraConfig(target_modules="all-linear"))
    _apply_liger_kernel_to_instance(model=made.get_base_model())
    return made


@pytest.mark.parametrize("training", [True, False])
def test_no_logits_are_made_where_a_loss_is_asked_for(model: Any, training: bool) -> None:  # noqa: ANN401
    leave_out_logits(model)
    model.train(training)
    given = model(input_ids=IDS, labels=IDS)
    assert given.logits is None
    assert given.loss.shape == ()
    assert model(input_ids=IDS).logits.shape == (1, 4, 512)
    assert model(input_ids=IDS, labels=IDS, skip_logits=False).logits.shape == (1, 4, 512)
    # By its names the Trainer tells which columns a model takes.
    assert {"input_ids", "labels", "position_ids"} <= set(signature(model.get_base_model().forward).parameters)


def test_liger_alone_makes_them_where_nothing_is_trained(model: Any) -> None:  # noqa: ANN401
    assert model.eval()(input_ids=IDS, labels=IDS).logits is not None
