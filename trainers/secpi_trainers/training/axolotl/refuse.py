"""Settings of a training that Axolotl has no place for."""

from __future__ import annotations

from ...base.errors import TrainerError
from ..asked.spec import TrainSpec


def refuse_for_axolotl(spec: TrainSpec) -> None:
    """Throws `trainer/not-with-axolotl`."""
    if spec.method != "full" and not spec.lora.alpha.is_integer():
        said = f"Axolotl takes whole numbers for `lora.alpha`, and this is {spec.lora.alpha}"
        raise TrainerError("not-with-axolotl", said, "change it, or use the trainer trl")
