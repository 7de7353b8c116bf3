"""What a training leaves: weights, and the loss of each step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ...base.files import put_in_place, staging
from ...jobs import TrainJob
from ...merging.adapters import save_adapter
from ...models.loading import copy_companions, save_model, torch_dtype
from ..watched.evaluation import KEY


def save_result(
    job: TrainJob,
    model: Any,  # noqa: ANN401
    weights: dict[str, Any] | None,
    base: Path,
    losses: list[dict[str, Any]],
    held_out: dict[int, float],
) -> None:
    """Fills `output`. `weights` are those of a model of which a process has only a part."""
    keys = ("step", "epoch", "loss", "learning_rate", "grad_norm")
    lines = [
        {key: _plain(entry.get(key)) for key in keys}
        | ({KEY: held_out[entry["step"]]} if entry["step"] in held_out else {})
        for entry in losses
    ]
    with staging(job.output_folder) as build:
        if job.method == "full":
            save_model(model, build / "model", torch_dtype(job.dtype), weights)
            copy_companions(base, build / "model")
            put_in_place(build / "model", job.output_folder / "model")
        else:
            save_adapter(model, build / "adapter", job.model_name, job.revision, weights)
            put_in_place(build / "adapter", job.output_folder / "adapter")
        (build / "loss.jsonl").write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
        put_in_place(build / "loss.jsonl", job.output_folder / "loss.jsonl")


def _plain(value: Any) -> float | int | None:  # noqa: ANN401 - tensors and numbers
    number = value.item() if hasattr(value, "item") else value
    return number if isinstance(number, (int, float)) and math.isfinite(number) else None
