"""One training step of a model of any size without its memory: every tensor is a fake one, and all of them are counted.

Reads a list of cases (as in trainers/tests/planned_memory.json) and writes the parts of each peak, both as JSON. TRL's
loss reads on the host how many tokens are in it, which a fake tensor cannot tell: here all but a quarter are.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM
from trl.trainer import sft_trainer

from tests.allocations import Allocations

CHUNK = sft_trainer._CHUNKED_LM_HEAD_CHUNK_SIZE


def loss_of(hidden: Any, weight: Any, chunk: int, labels: Any = None, **_: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ANN401
    """TRL's loss, chunk by chunk with its own function; only the number of tokens is given."""
    hidden = hidden[..., :-1, :].reshape(-1, hidden.size(-1))
    labels = labels[..., 1:].reshape(-1)
    order = (labels != -100).to(torch.int8).argsort(descending=True, stable=True)
    hidden, labels = hidden[order], labels[order]
    loss = hidden.new_zeros((), dtype=torch.float32)
    for start in range(0, len(labels) * 3 // 4, chunk):
        piece = (hidden[start : start + chunk], weight, None, labels[start : start + chunk], 1.0, None)
        loss = loss + torch.utils.checkpoint.checkpoint(sft_trainer._chunk, *piece, use_reentrant=False)[0]
    return loss, loss, loss, loss


def model_of(config: dict[str, Any], training: dict[str, Any]) -> Any:  # noqa: ANN401
    """The model, with its adapter if it gets one: no tensor of it holds anything."""
    full, bf16 = training["method"] == "full", training["dtype"] == "bfloat16"
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(**config),
        attn_implementation="sdpa",
        dtype=torch.float32 if full or not bf16 else torch.bfloat16,
    )
    model.config.use_cache = False
    if not full:
        lora = training["lora"]
        targets = lora["targets"]
        model = get_peft_model(model, LoraConfig(r=lora["rank"], target_modules=targets, task_type="CAUSAL_LM"))
    return model


def filled(model: Any) -> Any:  # noqa: ANN401
    """Every tensor of a model of no device becomes one of the mode that is entered."""
    for module in model.modules():
        for name, item in module._parameters.items():
            if item is not None:
                made = torch.empty(item.shape, dtype=item.dtype)
                module._parameters[name] = torch.nn.Parameter(made, requires_grad=item.requires_grad)
        for name, item in module._buffers.items():
            if item is not None:
                module._buffers[name] = torch.empty(item.shape, dtype=item.dtype)
    model.tie_weights()
    return model


def measure(model: Any, training: dict[str, Any]) -> dict[str, int]:  # noqa: ANN401
    """The parts of the peak of the second step."""
    full, bf16 = training["method"] == "full", training["dtype"] == "bfloat16"
    inner = model if full else model.base_model.model
    sft_trainer._chunked_cross_entropy_loss = loss_of
    sft_trainer._patch_chunked_ce_lm_head(inner, CHUNK)
    if training["gradientCheckpointing"]:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        if not full:
            model.enable_input_require_grads()
    model.train()
    # As accelerate does it.
    forward = torch.autocast("cpu", torch.bfloat16)(model.forward) if bf16 else model.forward
    trained = [item for item in model.parameters() if item.requires_grad]
    optimizer = torch.optim.AdamW(trained, foreach=False, fused=True)
    ids = torch.zeros(training["batchSize"], training["tokens"], dtype=torch.int64)
    allocations = Allocations(model)
    with allocations:
        for step in range(2):
            for _ in range(training["accumulation"]):
                forward(input_ids=ids, labels=ids).loss.backward()
            if step == 0:
                optimizer.step()
                optimizer.zero_grad()
                allocations.begin(optimizer)
    return dict(allocations.peak)


def main() -> None:
    """Reads stdin, writes stdout."""
    results = []
    for case in json.load(sys.stdin):
        with torch.device("meta"):
            model = model_of(case["config"], case["training"])
        with FakeTensorMode(), torch.device("cpu"):
            results.append(measure(filled(model), case["training"]))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
