"""Merged a few rows at a time: the bytes that PEFT makes of the whole, in memory that does not grow with the model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from secpi_trainers.merging import logits, merge, streamed
from secpi_trainers.models import weight_files
from secpi_trainers.models.loading import copy_companions

from .points import points
from .support import ROOT, Job, digests, read_lines, run
from .test_merge import merge_job

KINDS: dict[str, dict[str, Any]] = {
    "all-linear": {"target_modules": "all-linear"},
    "rslora": {"target_modules": ["q_proj", "up_proj"], "use_rslora": True},
    "patterns": {
        "target_modules": "all-linear",
        "rank_pattern": {"layers.1.self_attn.q_proj": 5, ".*down_proj": 2},
        "alpha_pattern": {"down_proj": 3, "self_attn.(q|k)_proj": 0.5},
        "use_rslora": True,
    },
    "gaussian, some layers": {
        "target_modules": ["o_proj", "gate_proj"],
        "layers_to_transform": [1],
        "init_lora_weights": "gaussian",
    },
}


def draw_adapter(base: Path, folder: Path, **settings: Any) -> Path:  # noqa: ANN401
    """An adapter as PEFT stores it, with numbers in B as well."""
    torch.manual_seed(3)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32),
        LoraConfig(**{"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM"} | settings),
    )
    with torch.no_grad():
        for name, item in model.named_parameters():
            if "lora_B" in name:
                item.normal_(0, 0.01)
    model.save_pretrained(folder)
    return folder


def merged_by_peft(base: Path, adapter: Path, folder: Path, dtype: torch.dtype) -> dict[str, str]:
    """What PEFT and transformers make of it, all in memory."""
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=dtype)
    PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(folder)
    copy_companions(base, folder)
    return digests(folder)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_those_of_peft(base: Path, tmp_path: Path, kind: str, dtype: str) -> None:
    adapter = draw_adapter(base, tmp_path / "adapter", **KINDS[kind])
    job = merge_job(base, adapter, tmp_path, dtype=dtype)
    assert run("merge", job) == 0, job.result
    wanted = merged_by_peft(base, adapter, tmp_path / "peft", getattr(torch, dtype))
    assert digests(job.output / "model") == wanted


def test_a_tied_model_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = small_model(tmp_path / "base", vocab_size=300, tie_word_embeddings=True)
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    monkeypatch.setattr(weight_files.write_weights, "__defaults__", ("20KB", "model{suffix}.safetensors"))
    job = merge_job(base, adapter, tmp_path)
    assert run("merge", job) == 0, job.result
    assert job.result["files"] > 1
    model = AutoModelForCausalLM.from_pretrained(str(base))
    PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(
        tmp_path / "peft", max_shard_size="20KB"
    )
    found, wanted = digests(job.output / "model"), digests(tmp_path / "peft")
    index = json.loads((tmp_path / "peft" / weight_files.INDEX).read_bytes())
    assert json.loads((job.output / "model" / weight_files.INDEX).read_bytes())["weight_map"] == index["weight_map"]
    assert {name: wanted[name] for name in wanted if name.startswith("model-")} == {
        name: found[name] for name in found if name.startswith("model-")
    }
    AutoModelForCausalLM.from_pretrained(str(job.output / "model"))
    # A few rows at a time, as with a large matrix: sums may be taken otherwise, and the check allows for that.
    monkeypatch.setattr(streamed, "BLOCK", 100)
    assert run("merge", job) == 0, job.result
    assert job.result["max_difference"] < 1e-4


def small_model(folder: Path, **settings: Any) -> Path:  # noqa: ANN401
    """A model with random numbers."""
    torch.manual_seed(1)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 300}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    Qwen2ForCausalLM(Qwen2Config(**sizes | heads | settings)).save_pretrained(folder)
    return folder


def test_a_file_is_laid_out_as_safetensors_does_it(tmp_path: Path) -> None:
    tensors = {
        "z": torch.randn(3, 5),
        "a": torch.randn(7, 2).bfloat16(),
        "nothing": torch.zeros(0, 4),
        "ü": torch.arange(6).reshape(2, 3),
        "one": torch.tensor(2.5),
        "yes": torch.tensor([True, False]),
    }
    save_file(tensors, tmp_path / "wanted.safetensors", metadata={"format": "pt"})
    planned = {name: tensor.to("meta") for name, tensor in tensors.items()}
    (tmp_path / "found").mkdir()
    assert weight_files.write_weights(tmp_path / "found", planned, lambda name: iter([tensors[name]]), print) == 1
    found = tmp_path / "found" / "model.safetensors"
    assert found.read_bytes() == (tmp_path / "wanted.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"target_modules": ["q_proj"], "use_dora": True}, "is a DoRA adapter"),
        ({"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"target_modules": ["q_proj"], "trainable_token_indices": [1, 2]}, "trainable_token_indices"),
        ({"target_modules": ["q_proj"], "bias": "lora_only"}, "trained biases of the base"),
        ({"target_modules": ["q_proj"], "lora_bias": True}, "lora_bias"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "does not fit the base"),
        ({"target_modules": ["q_proj"], "init_lora_weights": "pissa"}, "took from the base"),
    ],
    ids=lambda item: item if isinstance(item, str) else None,
)
def test_what_is_no_plain_lora_is_refused_before_anything_is_written(
    base: Path, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    job = merge_job(base, draw_adapter(base, tmp_path / "adapter", **settings), tmp_path)
    assert run("merge", job) == 1
    assert job.result["code"] == "trainer/bad-adapter"
    assert said in job.result["message"]
    assert not job.output.exists()


def test_a_base_that_its_config_does_not_describe_is_refused(base: Path, tmp_path: Path) -> None:
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    wrong = tmp_path / "base"
    wrong.mkdir()
    copy_companions(base, wrong)
    (wrong / "config.json").write_bytes((base / "config.json").read_bytes())
    weights = load_file(base / "model.safetensors")
    for damaged, said in (
        ({name: item for name, item in weights.items() if name != "lm_head.weight"}, "lack the weight lm_head.weight"),
        (weights | {"model.norm.weight": torch.ones(3)}, "another shape"),
    ):
        save_file(damaged, wrong / "model.safetensors", metadata={"format": "pt"})
        job = merge_job(wrong, adapter, tmp_path)
        assert run("merge", job) == 1
        assert (job.result["code"], said in job.result["message"]) == ("trainer/bad-model", True)
    (wrong / "config.json").write_text(
        json.dumps(json.loads((base / "config.json").read_bytes()) | {"quantization_config": {"quant_method": "fp8"}})
    )
    job = merge_job(wrong, adapter, tmp_path)
    assert run("merge", job) == 1
    assert "stored quantised" in job.result["message"]


def test_where_the_model_does_not_fit_its_weights_are_checked_and_its_logits_are_not(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = merge_job(base, draw_adapter(base, tmp_path / "adapter", target_modules="all-linear"), tmp_path)
    monkeypatch.setattr(logits, "free_memory", lambda _device: 1 << 20)
    assert run("merge", job) == 0
    facts = job.result
    assert (facts["logit_difference"], facts["same_choice"], facts["checked_positions"]) == (None, None, 0)
    assert facts["adapted_weights"] == 14
    said = [event["message"] for event in read_lines(job.work / "events.jsonl") if event["type"] == "log"]
    assert any("logits are not compared" in message for message in said)


def test_a_kill_at_any_point_leaves_no_half_of_it_and_the_next_run_ends_with_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = small_model(tmp_path / "base", num_hidden_layers=1)
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules=["q_proj"])
    job = merge_job(base, adapter, tmp_path / "job", check_rows=1)
    found = points("merge", job, tmp_path / "points", monkeypatch, files=True)
    wanted = digests(job.output / "model")
    assert len(found) > 20
    for point in found:
        if "half of out/model/" in point.name:
            # It was made durable before it got this name.
            continue
        left = point.folder / "out" / "model"
        assert not left.exists() or digests(left) == wanted, point.name
    for number, point in enumerate(found[:: len(found) // 4]):
        again = Job(tmp_path / f"{number}" / "work", tmp_path / f"{number}" / "out")
        again.write(model=base, adapter=adapter, device="cpu", dtype="float32", check_rows=1)
        for part in ("work", "out"):
            if (point.folder / part).exists():
                (point.folder / part).rename(again.work.parent / part)
        assert run("merge", again) == 0, point.name
        assert digests(again.output) == {f"model/{name}": digest for name, digest in wanted.items()}, point.name


def test_memory_does_not_grow_with_the_model(tmp_path: Path) -> None:
    """With QwQ's vocabulary; what counts is what this process alone holds: pages of mapped files give way."""
    base = small_model(tmp_path / "base", vocab_size=152_064, hidden_size=64, dtype="bfloat16")
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    job = merge_job(base, adapter, tmp_path, threads=1)
    code = (
        "import sys, threading; from secpi_trainers.__main__ import main; import secpi_trainers.merging.merge\n"
        "from secpi_trainers.merging import logits\n"
        "logits.free_memory = lambda device: 0\n"
        "from secpi_trainers.merging import streamed\n"
        "streamed.BLOCK = 1 << 20\n"
        "def held():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('RssAnon'))\n"
        "before = most = held(); over = threading.Event()\n"
        "def watch():\n"
        "    global most\n"
        "    while not over.wait(0.002): most = max(most, held())\n"
        "watcher = threading.Thread(target=watch); watcher.start()\n"
        "code = main(['merge', '--job', sys.argv[1]])\n"
        "over.set(); watcher.join(); print(most - before)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(job.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, job.result
    weights = job.result["parameters"] * 4
    assert weights > 75e6
    assert int(done.stdout.split()[-1]) < weights / 4


def test_qlora_without_bitsandbytes_is_refused_before_anything_is_loaded(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secpi_trainers.merging import nf4

    monkeypatch.setattr(nf4, "find_spec", lambda _name: None)
    monkeypatch.setattr(merge, "empty_model", lambda *_: pytest.fail("it was loaded"))
    adapter = draw_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    job = merge_job(base, adapter, tmp_path, quantised=True, dtype="bfloat16")
    assert run("merge", job) == 1
    assert job.result["code"] == "trainer/needs-package"
    assert not job.output.exists()
