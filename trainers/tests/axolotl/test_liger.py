"""Liger's forward pass, whose kernels take a GPU. Here, because this is the environment that has it."""

from __future__ import annotations

import json
import subprocess
import sys

from ..support import ROOT

# In a process of its own: with Liger's kernels imported, others in the same one look for a GPU.
PROBE = """
import json
from inspect import signature
import torch
from liger_kernel.transformers.monkey_patch import _apply_liger_kernel_to_instance
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen2Config
from triton.runtime.jit import JITFunction
from secpi_trainers.training.liger import leave_out_logits

# What a kernel would have computed is not there.
JITFunction.__getitem__ = lambda *_: lambda *_, **__: None
sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
config = Qwen2Config(**sizes, num_key_value_heads=1, vocab_size=512, use_cache=False)
# With an adapter, as TRL and Axolotl hand it to Liger.
model = get_peft_model(AutoModelForCausalLM.from_config(config), LoraConfig(target_modules="all-linear"))
_apply_liger_kernel_to_instance(model=model.get_base_model())
ids = torch.tensor([[1, 2, 3, 4]])

def made(training, **more):
    logits = model.train(training)(input_ids=ids, **more).logits
    return None if logits is None else list(logits.shape)

before = made(False, labels=ids)
leave_out_logits(model)
base = model.get_base_model()
# As Accelerate wraps and unwraps a model.
base.forward = type(base.forward)(base.forward.__func__, base)
print(json.dumps({
    "before": before,
    "trained": made(True, labels=ids),
    "looked at": made(False, labels=ids),
    "asked for": made(False, labels=ids, skip_logits=False),
    "without labels": made(False),
    "columns": sorted(signature(base.forward).parameters),
}))
"""


def test_no_logits_are_made_where_a_loss_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # By itself Liger makes them where nothing is trained.
    assert found["before"] == [1, 4, 512]
    assert found["trained"] is None
    assert found["looked at"] is None
    assert found["asked for"] == [1, 4, 512]
    assert found["without labels"] == [1, 4, 512]
    # By its names the Trainer tells which columns a model takes.
    assert {"input_ids", "labels", "position_ids"} <= set(found["columns"])
