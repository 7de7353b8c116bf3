"""What merging an adapter takes, our way and PEFT's own: time of a core for each number, and memory of the process.

A model with random weights and QwQ's vocabulary, in bfloat16, with an adapter on every linear layer. Each way is a
process of its own. Read the ratios: a busy machine changes the rest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "trainers"))


def draw(folder: Path, hidden: int, layers: int, vocabulary: int) -> None:
    """`base` and `adapter` in a folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        hidden_size=hidden,
        num_hidden_layers=layers,
        intermediate_size=hidden * 19 // 4,
        num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 64,
        vocab_size=vocabulary,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder / "base")
    tuned = get_peft_model(model, LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, item in tuned.named_parameters():
            if "lora_B" in name:
                item.normal_(0, 0.01)
    tuned.save_pretrained(folder / "adapter")


@contextmanager
def most_held(found: dict[str, Any], name: str) -> Iterator[None]:
    """The most that the process holds of its own beyond what it held before, in MB: mapped files give way."""

    def held() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))

    before = held()
    most, over = before, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.005):
            most = max(most, held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    over.set()
    watcher.join()
    found[name] = round((most - before) / 1e6)


def timed(found: dict[str, Any], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, that notes its seconds of a core."""

    def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        began = time.process_time()
        try:
            return function(*given, **named)
        finally:
            found[name] = time.process_time() - began

    return call


def ours(folder: Path) -> dict[str, Any]:
    """Our merge with the check of its weights; to compare logits as well takes a copy of the model."""
    from secpi_trainers.__main__ import main
    from secpi_trainers.merging import logits, merge

    found: dict[str, Any] = {}
    merge.write_merged = timed(found, "making", merge.write_merged)
    merge.check_merge = timed(found, "checking", merge.check_merge)
    logits.free_memory = lambda _device: 0
    name = "plain"
    job = {"schema": 1, "work": str(folder / name / "work"), "output": str(folder / name / "out"), "threads": 1}
    job |= {"model": str(folder / "base"), "adapter": str(folder / "adapter"), "device": "cpu"}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(job))
    with most_held(found, "megabytes"):
        code = main(["merge", "--job", str(path)])
    result = json.loads((folder / name / "work" / "result.json").read_text())
    if code != 0:
        raise SystemExit(json.dumps(result))
    return {**found, "parameters": result["parameters"]}


def pefts(folder: Path) -> dict[str, Any]:
    """What one would write oneself. Nothing is checked."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    found: dict[str, Any] = {}

    def run() -> None:
        model = AutoModelForCausalLM.from_pretrained(str(folder / "base"), dtype=torch.bfloat16)
        merged = PeftModel.from_pretrained(model, str(folder / "adapter")).merge_and_unload()
        merged.save_pretrained(folder / "peft")

    with most_held(found, "megabytes"):
        timed(found, "making", run)()
    return found


def main() -> None:
    """Draws a model, merges it in turns, prints figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--vocabulary", type=int, default=152_064)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        way, folder = options.one[0], Path(options.one[1])
        found = ours(folder) if way == "plain" else pefts(folder)
        sys.stdout.write("\n" + json.dumps(found) + "\n")
        return
    with tempfile.TemporaryDirectory(dir=".") as place:
        folder = Path(place).resolve()
        draw(folder, options.hidden, options.layers, options.vocabulary)
        plain, peft = (_said(way, folder) for way in ("plain", "peft"))
    numbers = plain["parameters"]
    each = 1e9 / numbers
    lines = [
        f"{numbers / 1e6:.0f} million parameters, {numbers * 2 / 1e9:.1f} GB",
        f"making:   {plain['making'] * each:.0f} ns of a core per number; PEFT, with loading and saving: "
        f"{peft['making'] * each:.0f}, {peft['making'] / plain['making']:.1f} times as much",
        f"checking: {plain['checking'] * each:.0f} ns, {plain['checking'] / plain['making']:.1f} times making",
        f"memory:   {plain['megabytes']} MB; PEFT {peft['megabytes']}, "
        f"{peft['megabytes'] / max(1, plain['megabytes']):.0f} times as much",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _said(way: str, folder: Path) -> dict[str, Any]:
    argv = [sys.executable, __file__, "--one", way, str(folder)]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this very script
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
