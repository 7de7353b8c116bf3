"""A wrong merge is caught, however small what the adapter adds, in memory that the vocabulary does not touch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.merging import merge_check
from secpi_trainers.merging.merge_check import check_merge
from secpi_trainers.models.skeleton import empty_model, stored_form
from secpi_trainers.models.weight_files import stored_weights

from .support import ROOT, Job

VOCABULARY = 152_064
RANK, ALPHA = 4, 8
KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bfloat16 model with QwQ's vocabulary, its embeddings in a file of their own."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("big")
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=False,
        dtype="bfloat16",
    )
    model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    model.config.save_pretrained(folder)
    write_sharded(folder, {name: tensor.clone() for name, tensor in model.state_dict().items()})
    return folder


def write_sharded(folder: Path, tensors: Tensors) -> None:
    """Two files with an index, as large models have them."""
    shards: dict[str, Tensors] = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
    first, second = shards.values()
    for name, tensor in tensors.items():
        (second if "layers" in name else first)[name] = tensor
    for file, part in shards.items():
        save_file(part, folder / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, part in shards.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def unheard(_done: int, _total: int) -> None:
    """Nobody follows how the check goes on."""


def names_in(folder: Path) -> set[str]:
    """The names of all weights in the files of a folder."""
    return {name for path in folder.glob("*.safetensors") for name in load_file(path)}


def draw_adapter(big: Path, folder: Path, seed: int) -> Path:
    """An adapter as a few steps leave it: what it adds to weights of 0.02 is a fraction of bfloat16's last place."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    weights = load_file(big / "model-00002-of-00002.safetensors")
    tensors: Tensors = {}
    for name, weight in weights.items():
        if any(f"{kind}.weight" in name for kind in KINDS):
            module = "base_model.model." + name.removesuffix(".weight")
            rows, columns = weight.shape
            tensors[f"{module}.lora_A.weight"] = torch.randn(RANK, columns, generator=generator) * 0.1
            tensors[f"{module}.lora_B.weight"] = torch.randn(rows, RANK, generator=generator) * 8e-5
    save_file(tensors, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": [*KINDS],
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def adapter(big: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_adapter(big, tmp_path_factory.mktemp("adapters") / "right", 2)


def deltas(adapter: Path, scale: float = ALPHA / RANK) -> Tensors:
    """What the adapter adds to each weight, in float32."""
    parts = load_file(adapter / "adapter_model.safetensors")
    return {
        name.removeprefix("base_model.model.").replace(".lora_A", ""): (parts[name.replace("_A", "_B")] @ part) * scale
        for name, part in parts.items()
        if "lora_A" in name
    }


def merged_folder(big: Path, folder: Path, added: Tensors, dtype: torch.dtype) -> Path:
    """Base and what is added as a model folder, as PEFT would have left it."""
    folder.mkdir()
    (folder / "config.json").write_bytes((big / "config.json").read_bytes())
    tensors: Tensors = {}
    for path in sorted(big.glob("*.safetensors")):
        for name, weight in load_file(path).items():
            tensors[name] = weight.to(dtype)
            if name in added:
                tensors[name] = (weight.float() + added[name]).to(dtype)
    write_sharded(folder, tensors)
    return folder


Mutant = Callable[[Tensors, Path], Tensors]


def _without(kind: str) -> Mutant:
    return lambda added, _: {name: delta for name, delta in added.items() if kind not in name}


def _scaled(factor: float) -> Mutant:
    return lambda added, _: {name: delta * factor for name, delta in added.items()}


def _swapped(added: Tensors, _: Path) -> Tensors:
    def other(name: str) -> str:
        return name.replace("layers.0", "layers.x").replace("layers.1", "layers.0").replace("layers.x", "layers.1")

    return {other(name): delta for name, delta in added.items()}


def _one_number(added: Tensors, _: Path) -> Tensors:
    name = "model.layers.1.mlp.up_proj.weight"
    delta = added[name].clone()
    delta[3, 5] += 0.01
    return added | {name: delta}


MUTANTS: dict[str, Mutant] = {
    **{f"without {kind}": _without(kind) for kind in KINDS},
    **{f"times {factor}": _scaled(factor) for factor in (0.0, 0.8, 0.9, 1.1, 1.25, -1.0)},
    "layers swapped": _swapped,
    "a stale adapter": lambda _, stale: deltas(stale),
    "one number": _one_number,
    "something else as well": lambda added, _: added | {"model.norm.weight": torch.full((64,), 0.01)},
    "other embeddings": lambda added, _: added | {"lm_head.weight": torch.full((VOCABULARY, 64), 1e-3)},
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_merge_passes(big: Path, adapter: Path, tmp_path: Path, dtype: str) -> None:
    merged = merged_folder(big, tmp_path / "merged", deltas(adapter), DTYPES[dtype])
    found = check_merge(big, names_in(big), adapter, merged, DTYPES[dtype], "cpu", unheard)
    assert (found.adapted, found.tensors) == (14, 27)
    # In bfloat16 most of so small a change is lost, and that is what the figure says.
    assert found.largest < 1e-3 if dtype == "float32" else 0.1 < found.largest < 2


@pytest.fixture(scope="module", params=DTYPES)
def stored(big: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A right merge, of which each mutant changes some weights."""
    folder = tmp_path_factory.mktemp("stored") / request.param
    return merged_folder(big, folder, deltas(adapter), DTYPES[request.param])


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_merge_is_caught(big: Path, adapter: Path, stored: Path, tmp_path: Path, name: str) -> None:
    dtype = DTYPES[stored.name]
    added = MUTANTS[name](deltas(adapter), draw_adapter(big, tmp_path / "stale", 3))
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for path in stored.iterdir():
        (wrong / path.name).symlink_to(path)
    for path in sorted(big.glob("*.safetensors")):
        if "00002" in path.name or "lm_head.weight" in added:
            (wrong / path.name).unlink()
            weights = {key: (weight.float() + added.get(key, 0)).to(dtype) for key, weight in load_file(path).items()}
            save_file(weights, wrong / path.name, metadata={"format": "pt"})
    with pytest.raises(TrainerError) as error:
        check_merge(big, names_in(big), adapter, wrong, dtype, "cpu", unheard)
    assert error.value.code == "trainer/merge-differs"


@pytest.mark.parametrize("change", ["another type", "another number without a dimension"])
def test_what_the_adapter_leaves_alone_is_the_bases_to_the_type(change: str, tmp_path: Path) -> None:
    ids = torch.tensor([[0.3, 1.7]])
    for folder in ("base", "merged"):
        (tmp_path / folder).mkdir()
    save_file({"a": ids, "scale": torch.tensor(2.0)}, tmp_path / "base" / "model.safetensors")
    spoilt = {
        "another type": {"a": ids.to(torch.float8_e4m3fn), "scale": torch.tensor(2.0)},
        "another number without a dimension": {"a": ids, "scale": torch.tensor(3.0)},
    }
    save_file(spoilt[change], tmp_path / "merged" / "model.safetensors")
    before, after = (stored_weights(tmp_path / folder) for folder in ("base", "merged"))
    name = "a" if change == "another type" else "scale"
    with pytest.raises(TrainerError, match="is not the base's"):
        merge_check._check_same(name, before[name], after[name], torch.bfloat16)
    merge_check._check_same(name, before[name], before[name], torch.bfloat16)


def test_the_command_takes_the_memory_of_one_model_and_its_files(big: Path, adapter: Path, tmp_path: Path) -> None:
    job = Job(tmp_path / "work", tmp_path / "out")
    job.write(model=big, adapter=adapter, device="cpu", dtype="bfloat16", threads=1)
    code = (
        "import sys; from secpi_trainers.__main__ import main; import secpi_trainers.merging.merge\n"
        "def memory(name):\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))\n"
        "before = memory('VmRSS')\n"
        "code = main(['merge', '--job', sys.argv[1]])\n"
        "print(memory('VmHWM') - before)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(job.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, job.result
    result = job.result
    assert (result["adapted_weights"], result["checked_positions"]) == (14, 32)
    assert result["logit_difference"] < 0.02
    # One model in memory, to compare logits, the files of two mapped, a dozen blocks, and what libraries load on their
    # way. Weights are made and compared without any model in memory.
    bound = result["parameters"] * 3 * torch.bfloat16.itemsize + 12 * 4 * merge_check.BLOCK + (48 << 20)
    assert int(done.stdout.split()[-1]) < bound


def test_names_are_those_that_are_stored_where_modules_have_others(tmp_path: Path) -> None:
    sizes = {"vocab_size": 64, "hidden_size": 16, "moe_intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_experts": 4, "num_experts_per_tok": 2}
    Qwen3MoeForCausalLM(Qwen3MoeConfig(**sizes, **heads)).save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    # Experts are apart in the file, and together in the model.
    stored = set(stored_form(empty_model(tmp_path, torch.float32), torch.float32))
    assert set(model.state_dict()) != names_in(tmp_path) == stored


@pytest.mark.parametrize("lost", ["model.norm.weight", "lm_head.weight"])
def test_a_weight_that_the_base_was_loaded_with_has_to_be_there(
    big: Path, adapter: Path, stored: Path, tmp_path: Path, lost: str
) -> None:
    (tmp_path / "config.json").write_bytes((stored / "config.json").read_bytes())
    tensors = {name: item for path in sorted(stored.glob("*.safetensors")) for name, item in load_file(path).items()}
    for there, names in ((names_in(big) - {lost}, "only the merged model has"), (names_in(big), "lacks")):
        write_sharded(tmp_path, tensors)
        with pytest.raises(TrainerError, match=f"{names} the weight {lost}"):
            check_merge(big, there, adapter, tmp_path, DTYPES[stored.name], "cpu", unheard)
        tensors.pop(lost, None)


def with_settings(adapter: Path, folder: Path, **changed: object) -> Path:
    """A copy of an adapter that says something else of itself."""
    folder.mkdir()
    for path in adapter.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    settings = json.loads((folder / "adapter_config.json").read_text()) | changed
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"init_lora_weights": "pissa"}], ids=lambda item: min(item))
def test_an_adapter_of_another_kind_is_refused(
    big: Path, adapter: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    odd = with_settings(adapter, tmp_path / "odd", **settings)
    with pytest.raises(TrainerError, match=min(settings)):
        check_merge(big, names_in(big), odd, big, torch.bfloat16, "cpu", unheard)


@pytest.mark.parametrize("beginning", [False, "gaussian", "orthogonal"])
def test_how_an_adapter_began_does_not_matter(big: Path, adapter: Path, tmp_path: Path, beginning: object) -> None:
    begun = with_settings(adapter, tmp_path / "begun", init_lora_weights=beginning)
    merged = merged_folder(big, tmp_path / "merged", deltas(adapter), torch.bfloat16)
    assert check_merge(big, names_in(big), begun, merged, torch.bfloat16, "cpu", unheard).adapted == 14


def test_the_base_itself_is_no_merge(big: Path, adapter: Path) -> None:
    with pytest.raises(TrainerError, match="it holds 0 times as much"):
        check_merge(big, names_in(big), adapter, big, torch.bfloat16, "cpu", unheard)
