"""Settings of a training that Axolotl has no place for."""

from __future__ import annotations

from ...base.errors import TrainerError
from ..spec import TrainSpec


def refuse_for_axolotl(spec: TrainSpec, ranks: int) -> None:
    """Throws `trainer/not-with-axolotl`."""
    if spec.method != "full" and not spec.lora.alpha.is_integer():
        raise _not_with_axolotl(f"Axolotl takes whole numbers for `lora.alpha`, and this is {spec.lora.alpha}")
    if spec.parallel.strategy in ("fsdp", "zero3") or spec.parallel.offload:
        raise _not_with_axolotl("under Axolotl nothing is split among GPUs or offloaded")
    if ranks > 1:
        raise _not_with_axolotl(f"under Axolotl a training uses one GPU, and this is to use {ranks}")


def _not_with_axolotl(message: str) -> TrainerError:
    return TrainerError("not-with-axolotl", message, "change it, or use the trainer trl")
