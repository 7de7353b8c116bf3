"""How an adapter of QLoRA is merged, and weights in 4 bits otherwise.

Here, because all that imports PEFT pays for bitsandbytes where it is.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, Qwen2Config

from secpi_trainers.merging.nf4 import nf4_settings

from ..support import ROOT, run
from ..test_merge import merge_job
from ..test_merge_streamed import draw_adapter, small_model


def test_qlora_is_merged_onto_what_it_was_trained_on(tmp_path: Path) -> None:
    base = small_model(tmp_path / "base", hidden_size=64, intermediate_size=128)
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules=["q_proj"])
    job = merge_job(base, adapter, tmp_path, quantised=True, dtype="bfloat16", tolerance=0.03)
    # The logits before are those of the model that transformers has loaded in 4 bits.
    assert run("merge", job) == 0, job.result
    assert job.result["dequantised"] is True
    assert job.result["checked_positions"] > 0
    merged, plain = load_file(job.output / "model" / "model.safetensors"), load_file(base / "model.safetensors")
    for name, weight in plain.items():
        off = (merged[name].float() - weight.bfloat16().float()).norm()
        share = off / max(float(weight.norm()), 1e-9)
        assert (0.03 < share < 0.2) if "proj.weight" in name else off == 0, (name, share)


def test_the_models_of_the_gpu_bench_are_those_that_would_have_been_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT.parent / "bench" / "gpu"))
    case = import_module("case")
    four_bits = {"quantization_config": nf4_settings(torch.bfloat16)}

    def drawn(**more: Any) -> Any:  # noqa: ANN401
        torch.manual_seed(0)
        return case.random_model(Qwen2Config(**case.SHAPES["small"]), {"dtype": torch.bfloat16, **more}).eval()

    drawn().save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, device_map={"": "cpu"}, **four_bits)
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(drawn(**four_bits)(ids).logits, loaded(ids).logits)
    assert not torch.equal(drawn()(ids).logits, loaded(ids).logits)
