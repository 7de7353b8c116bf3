"""Liger's forward pass, whose kernels take a GPU. Here, because this is the environment that has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ..support import ROOT

# In a process of its own: with Liger's kernels imported, others in the same one look for a GPU.
PROBE = """
import json
import sys
from contextlib import nullcontext
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen2Config, TrainingArguments
from triton.runtime.jit import JITFunction
from secpi_trainers.base.rank import Rank
from secpi_trainers.training.careful import CarefulTrainer
from secpi_trainers.training.watched.evaluation import HeldOut
from secpi_trainers.training.ranks.together import Together

folder, how = sys.argv[1:]
# What a kernel would have computed is not there.
JITFunction.__getitem__ = lambda *_: lambda *_, **__: None
sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
model = AutoModelForCausalLM.from_config(Qwen2Config(**sizes, num_key_value_heads=1, vocab_size=512, use_cache=False))
head = model.lm_head
if how == "adapter":
    model = get_peft_model(model, LoraConfig(target_modules="all-linear"))
counted = {"now": 0}
def count(*_):
    counted["now"] += 1
head.register_forward_hook(count)

def logits(doing):
    counted["now"] = 0
    doing()
    return counted["now"]

row = [1, 2, 3, 4]
quiet = {"save_strategy": "no", "report_to": [], "disable_tqdm": True}
settings = TrainingArguments(
    output_dir=folder, use_cpu=True, use_liger_kernel=how != "without", max_steps=1, **quiet
)
rows = Dataset.from_dict({"input_ids": [row], "labels": [row]})
trainer = CarefulTrainer(model=model, args=settings, train_dataset=rows)
trainer.probe = (row, row)
trainer.together = Together(Rank())
held_out = HeldOut(None, "cpu", None, None, nullcontext)
look, measure = trainer._probe_loss, lambda: held_out._loss(trainer.model.eval(), row, row)
print(json.dumps({
    "before": [logits(look), logits(measure)],
    "trained": logits(trainer.train),
    "after": [logits(look), logits(measure)],
    "without labels": logits(lambda: trainer.model(input_ids=torch.tensor([row]))),
}))
"""


def probed(folder: Path, how: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder), how], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_no_logits_are_made_where_a_loss_is_asked_for(tmp_path: Path) -> None:
    # The Trainer hands the model to Liger when the training begins, with an adapter or without.
    for how in ("adapter", "full"):
        found = probed(tmp_path, how)
        assert found == {"before": [1, 1], "trained": 0, "after": [0, 0], "without labels": 1}, how
    # And a model that Liger knows nothing of is asked as ever.
    assert probed(tmp_path, "without")["after"] == [1, 1]
