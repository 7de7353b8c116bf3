"""How many operations a training step takes is arithmetic that torch's own counter agrees with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2Config, Qwen2ForCausalLM

from secpi_trainers.training.watched.meter import Meter, flops_per_token

from .support import read_lines, read_prepared, run
from .test_train import train_job


def small(**sizes: int) -> Any:  # noqa: ANN401
    settings = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "vocab_size": 64} | sizes
    config = Qwen2Config(**settings, num_attention_heads=4, num_key_value_heads=2, use_cache=False)
    config._attn_implementation = "eager"
    return Qwen2ForCausalLM(config)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("sizes", [{}, {"hidden_size": 64}, {"num_hidden_layers": 1, "intermediate_size": 200}])
def test_counts_as_torch_does(method: str, sizes: dict[str, int], prepared: Path, tmp_path: Path) -> None:
    rows = read_prepared(prepared, 400, tmp_path / "rows.arrow")
    model = small(**sizes)
    if method == "lora":
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
        model.enable_input_require_grads()
    length = round(rows.facts.mean_seen)
    ids = torch.randint(0, 64, (1, length))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    # Torch multiplies whole squares of attention, of which a causal one needs half.
    attention = 6 * model.config.num_hidden_layers * model.config.hidden_size * length
    assert flops_per_token(model, rows.facts) == pytest.approx(counter.get_total_flops() / length - attention, rel=0.03)


def test_tells_memory_and_with_a_card_its_share(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path, steps=2, peak_tflops=1e-3)
    assert run("train", job) == 0
    events = [line for line in read_lines(job.work / "events.jsonl") if line["type"] == "metric"]
    assert all(0 < line["memory_gib"] < 64 and line["mfu"] > 0 for line in events)
    assert "mfu" not in Meter("cpu", 1, None).read(1)
    assert Meter("cuda" if torch.cuda.is_available() else "cpu", 2e9, 1).read(250)["mfu"] == 0.5
