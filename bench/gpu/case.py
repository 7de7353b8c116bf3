"""`python case.py CASE.json`: one case; prints what was found as a line of JSON, the last one.

The trainer is secpi's own, with two things taken out: weights are drawn on the device instead of read from a disk,
which has no room for them, and no checkpoint is written.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2] / "trainers"))

import torch
from shapes import SHAPES
from transformers import AutoModelForCausalLM, Qwen2Config

ROWS = 16
WARM_UP = 2


def main(case: dict[str, Any]) -> dict[str, Any]:
    """Runs it and says what came of it."""
    torch.manual_seed(0)
    kinds = {"matmul": matmul, "secpi": secpi, "axolotl": axolotl, "trl": trl, "trl-defaults": trl}
    return kinds[case["how"]](case)


def matmul(_case: dict[str, Any]) -> dict[str, Any]:
    """The rate that this very card reaches in bfloat16 products, on random numbers."""
    size = 8192 if torch.cuda.is_available() else 256
    a, b = (torch.randn(size, size, device=device(), dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    synchronize()
    began, count = time.monotonic(), 20
    for _ in range(count):
        a @ b
    synchronize()
    return {"tflops": digits(2 * size**3 * count / (time.monotonic() - began) / 1e12), "card": card()}


def secpi(case: dict[str, Any]) -> dict[str, Any]:
    """Our trainer, as a recipe's job would start it."""
    from secpi_trainers.training import backends, train
    from secpi_trainers.training.trainer import Trainer
    from secpi_trainers.training.watched import callbacks

    config = write_base(case)
    with ExitStack() as without:
        for where, name, instead in (
            (backends, "load_model", lambda _folder, **settings: random_model(config, settings)),
            (backends, "parameters_in", lambda _folder: 0),
            (train, "_require_room", nothing),
            (train, "save_result", nothing),
            (Trainer, "_save_checkpoint", nothing),
            (callbacks.Keeper, "on_save", nothing),
        ):
            without.enter_context(patch.object(where, name, instead))
        facts, rates = train_here(case)
    return found(case, rates, attention=facts["attention"], steps=facts["steps"])


def axolotl(case: dict[str, Any]) -> dict[str, Any]:
    """Axolotl by our own backend, in its own environment; it reads its weights, so they have to lie in memory."""
    config = write_base(case)
    random_model(config, {"dtype": dtype()}).save_pretrained(base(case))
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    facts, rates = train_here(case, trainer="axolotl")
    return found(case, rates, steps=facts["steps"])


def train_here(case: dict[str, Any], **keys: str) -> tuple[dict[str, Any], list[float]]:
    """What our `train` command finds, and the tokens per second of the steps that count."""
    from secpi_trainers.base.session import Session, StopFlag
    from secpi_trainers.jobs import TrainJob, check_job
    from secpi_trainers.training.train import run_train

    job = check_job("train", train_document(case) | keys)
    if not isinstance(job, TrainJob):
        raise TypeError("it is a job of another kind")
    with Session(job.work_folder, "train", StopFlag()) as session:
        facts = run_train(job, session)
    events = [json.loads(line) for line in (job.work_folder / "events.jsonl").read_text().splitlines()]
    return facts, [event["tokens_per_second"] for event in events if event["type"] == "metric"][WARM_UP:]


def nothing(*_: object, **__: object) -> None:
    """Stands for what is left out."""


def trl(case: dict[str, Any]) -> dict[str, Any]:
    """What TRL does when it is told length, method and steps, one row at a time, and nothing else.

    Its adapter is much smaller than ours by default (rank 8, two of seven matrices); `trl` gives it ours.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    moments: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            synchronize()
            moments.append(time.monotonic())

    config = write_base(case)
    settings = SFTConfig(
        output_dir=str(Path(case["folder"]) / "trl"),
        max_length=case["tokens"],
        max_steps=case["steps"],
        per_device_train_batch_size=1,
        report_to=[],
        save_strategy="no",
        use_cpu=not torch.cuda.is_available(),
    )
    ids = [row["input_ids"] for row in rows(case)]
    adapter = {} if case["how"] == "trl-defaults" else {"r": 32, "lora_alpha": 64, "target_modules": "all-linear"}
    trainer = SFTTrainer(
        model=random_model(config, {"dtype": dtype()}),
        args=settings,
        train_dataset=Dataset.from_dict({"input_ids": ids, "labels": ids}),
        processing_class=PreTrainedTokenizerFast.from_pretrained(base(case)),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **adapter) if case["method"] == "lora" else None,
        callbacks=[Clock()],
    )
    trainer.train()
    rates = [
        case["tokens"] / (end - begin) for begin, end in zip(moments[WARM_UP - 1 :], moments[WARM_UP:], strict=False)
    ]
    return found(case, rates, steps=len(moments))


def found(case: dict[str, Any], rates: list[float], **more: object) -> dict[str, Any]:
    """Tokens per second, the share of the card that is, and the most memory that was given out."""
    rate = statistics.median(rates)
    gib = torch.cuda.max_memory_allocated() / (1 << 30) if torch.cuda.is_available() else None
    flops = flops_per_token(case)
    return {
        "tokens_per_second": round(rate, 1),
        "model_tflops": digits(rate * flops / 1e12),
        "peak_gib": None if gib is None else round(gib, 2),
        "reserved_gib": round(torch.cuda.max_memory_reserved() / (1 << 30), 2) if gib is not None else None,
        "card": card(),
        **more,
    }


def flops_per_token(case: dict[str, Any]) -> float:
    """As `secpi_trainers.training.meter` counts, from sizes alone: the same for all that are compared."""
    shape: dict[str, int] = SHAPES[case["shape"]]
    hidden, layers = shape["hidden_size"], shape["num_hidden_layers"]
    kv = shape["num_key_value_heads"] * hidden // shape["num_attention_heads"]
    layer = 2 * hidden * (hidden + kv) + 3 * hidden * shape["intermediate_size"]
    matrices = layers * layer + hidden * shape["vocab_size"]
    tokens: int = case["tokens"]
    return (6 if case["method"] == "full" else 4) * matrices + 6 * layers * hidden * tokens


def train_document(case: dict[str, Any]) -> dict[str, Any]:
    """The job."""
    folder = Path(case["folder"])
    prepared = folder / "prepared.jsonl"
    prepared.write_text("".join(json.dumps(row) + "\n" for row in rows(case)))
    return {
        "schema": 1,
        "work": str(folder / "work"),
        "output": str(folder / "out"),
        "model": str(base(case)),
        "model_name": case["shape"],
        "prepared": str(prepared),
        "method": case["method"],
        "lora": {"rank": 32, "alpha": 64.0},
        "max_tokens": case["tokens"],
        "steps": case["steps"],
        "loss": case["loss"],
        "dtype": "bfloat16" if torch.cuda.is_available() else "float32",
        "device": device(),
        "save_every_steps": 1000,
    }


def rows(case: dict[str, Any]) -> list[dict[str, Any]]:
    """As long as may be, a tenth of each a prompt."""
    draw = random.Random(0)  # noqa: S311 - a benchmark
    vocabulary = SHAPES[case["shape"]]["vocab_size"] - 16
    made = []
    for number in range(ROWS):
        ids = [draw.randrange(3, vocabulary) for _ in range(case["tokens"])]
        prompt = len(ids) // 10
        made.append({"id": str(number), "input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return made


def base(case: dict[str, Any]) -> Path:
    """Where configuration and tokenizer lie."""
    return Path(case["folder"]) / "base"


def write_base(case: dict[str, Any]) -> Qwen2Config:
    """A model folder without weights."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    config = Qwen2Config(**SHAPES[case["shape"]], max_position_embeddings=32768, use_cache=False)
    config.architectures = ["Qwen2ForCausalLM"]
    config.save_pretrained(base(case))
    words = Tokenizer(models.WordLevel({"a": 0, "<end>": 1, "<pad>": 2}, unk_token="a"))  # noqa: S106 - no password
    marks = {"eos_token": "<end>", "pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=words, **marks).save_pretrained(base(case))
    return config


def random_model(config: Qwen2Config, settings: dict[str, Any]) -> Any:  # noqa: ANN401
    """Weights where they are needed, without a copy anywhere else; four bits where the settings say so."""
    attention = {"attn_implementation": settings.get("attention", "sdpa")}
    torch.set_default_dtype(settings["dtype"])
    with torch.device(device()):
        model = AutoModelForCausalLM.from_config(config, dtype=settings["dtype"], **attention)
    torch.set_default_dtype(torch.float32)
    if "quantization_config" in settings:
        return in_four_bits(model, settings["quantization_config"])
    return model


def in_four_bits(model: Any, config: Any) -> Any:  # noqa: ANN401
    """What `from_pretrained` makes of it with such a configuration, without a disk, which would not hold it."""
    from bitsandbytes.nn import Linear4bit, Params4bit
    from transformers.quantizers.auto import AutoHfQuantizer

    whole = {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    quantizer = AutoHfQuantizer.from_config(config)
    quantizer.preprocess_model(model, device_map={"": device()})
    for name, layer in model.named_modules():
        before = whole.pop(name, None)
        if before is not None and isinstance(layer, Linear4bit):
            how = {"quant_type": config.bnb_4bit_quant_type, "compress_statistics": config.bnb_4bit_use_double_quant}
            layer.weight = Params4bit(before.weight.data, requires_grad=False, module=layer, **how).to(device())
            layer.bias = before.bias
    if torch.cuda.is_available():
        # Loading for real never holds all of it in 16 bits.
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    model.hf_quantizer = quantizer
    return quantizer.postprocess_model(model)


def digits(value: float) -> float:
    """Four of them that mean something."""
    return float(f"{value:.4g}")


def dtype() -> torch.dtype:
    """What the base's weights are."""
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def device() -> str:
    """The GPU, or for trying the script the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def card() -> str:
    """Its name."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def synchronize() -> None:
    """A GPU works on while Python goes on."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
