"""What is measured, in the order in which it is worth having."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Case:
    """One training of a few steps, in a process of its own."""

    name: str
    how: str
    """`secpi`, `trl-defaults`, `trl` (with an adapter like ours), `axolotl`, or `matmul`."""
    shape: str = "small"
    method: str = "lora"
    tokens: int = 64
    seconds: int = 120
    """The most that it may take, with everything."""
    steps: int = 6
    """The first two warm up and do not count."""
    loss: str = "chunked"
    """Of secpi and Axolotl: `chunked`, or `liger`."""


CASES = [
    Case("matmul", "matmul", seconds=60),
    Case("qwen2.5-1.5b lora 8k, secpi", "secpi", "qwen2.5-1.5b", "lora", 8192, 90),
    Case("qwq-32b lora 8k, secpi", "secpi", "qwq-32b", "lora", 8192, 150),
    Case("qwq-32b lora 8k, TRL's defaults", "trl-defaults", "qwq-32b", "lora", 8192, 150),
    Case("qwq-32b lora 8k, TRL with our adapter", "trl", "qwq-32b", "lora", 8192, 150),
    Case("qwq-32b lora 16k, secpi", "secpi", "qwq-32b", "lora", 16384, 180, steps=5),
    Case("qwq-32b qlora 16k, secpi", "secpi", "qwq-32b", "qlora", 16384, 180, steps=5),
    Case("qwen2.5-7b full 8k, secpi", "secpi", "qwen2.5-7b", "full", 8192, 120),
    Case("qwq-32b lora 16k, TRL's defaults", "trl-defaults", "qwq-32b", "lora", 16384, 180, steps=5),
    Case("qwen2.5-7b lora 8k, secpi", "secpi", "qwen2.5-7b", "lora", 8192, 90),
    Case("qwen2.5-7b lora 8k, TRL's defaults", "trl-defaults", "qwen2.5-7b", "lora", 8192, 90),
    Case("qwen2.5-7b lora 8k, TRL with our adapter", "trl", "qwen2.5-7b", "lora", 8192, 90),
    Case("qwen2.5-7b lora 8k, secpi with Liger", "secpi", "qwen2.5-7b", "lora", 8192, 90, loss="liger"),
    Case("qwen2.5-7b qlora 16k, secpi", "secpi", "qwen2.5-7b", "qlora", 16384, 120),
    Case("qwen2.5-7b lora 8k, Axolotl", "axolotl", "qwen2.5-7b", "lora", 8192, 180),
    Case("qwq-32b lora 8k, Axolotl", "axolotl", "qwq-32b", "lora", 8192, 300),
    Case("qwq-32b lora 16k, Axolotl", "axolotl", "qwq-32b", "lora", 16384, 330),
]


def small(case: Case) -> Case:
    """The same at a size that a CPU does in seconds; QLoRA and Liger need a GPU whatever their size."""
    method = "lora" if case.method == "qlora" else case.method
    return replace(case, shape="small", tokens=64, method=method, steps=4, loss="chunked")
