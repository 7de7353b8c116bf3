"""`merge`: base + adapter → one model folder, and the proof that it answers as the two did together."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from ..base.disk import require_room
from ..base.errors import TrainerError
from ..base.files import put_in_place, read_json_lines, staging
from ..base.session import Session
from ..jobs import MergeJob
from ..models.loading import copy_companions, load_model, model_folder, pick_device, quiet_libraries, torch_dtype
from .adapters import attach_adapter
from .merge_check import check_merge, stored_names, stored_weights

PROBE_TOKENS = 512
"""Of a row, no more than these tokens are read."""
POSITIONS = 8
"""Logits of a row that are compared: those of all positions take as much memory as the model."""


def run_merge(job: MergeJob, session: Session) -> dict[str, Any]:
    """Fills `output` with `model/`."""
    torch.set_num_threads(job.torch_threads)
    quiet_libraries()
    set_seed(0)
    device, dtype = pick_device(job.device), torch_dtype(job.dtype)
    folder, adapter = model_folder(job.model, job.revision), Path(job.adapter)
    require_room(job.output_folder, _stored_bytes(folder, dtype), "the merged weights")

    def checked(done: int, total: int) -> None:
        session.progress(done, total, "checked weights")
        session.stop.check()

    base = load_model(folder, dtype=dtype, device_map={"": device})
    rows = _check_rows(job, base.get_input_embeddings().weight.shape[0])
    names = stored_names(base)
    model = attach_adapter(base, adapter)
    model.eval()
    wanted = _logits(model, rows, device)
    _refuse_bad_numbers(wanted, "base and adapter together")
    session.progress(1, 4, "parts of the merge")
    session.stop.check()

    merged = model.merge_and_unload()
    parameters = sum(parameter.numel() for parameter in merged.parameters())
    with staging(job.output_folder) as build:
        merged.save_pretrained(build / "model")
        copy_companions(folder, build / "model")
        del base, model, merged
        gc.collect()
        session.progress(2, 4, "parts of the merge")
        session.stop.check()
        # What counts is the folder that others will load, so that is what is looked into.
        deviation = check_merge(folder, names, adapter, build / "model", dtype, device, checked)
        session.progress(3, 4, "parts of the merge")
        session.stop.check()
        stored = load_model(build / "model", dtype=dtype, device_map={"": device})
        facts = _compare(wanted, _logits(stored, rows, device), job.allowed_difference)
        put_in_place(build / "model", job.output_folder / "model")
    session.progress(4, 4, "parts of the merge")
    return {
        "max_difference": deviation.largest,
        "adapted_weights": deviation.adapted,
        "checked_weights": deviation.tensors,
        **facts,
        "parameters": parameters,
        "checked_rows": len(rows),
        "checked_positions": sum(map(len, wanted)),
    }


def _stored_bytes(base: Path, dtype: torch.dtype) -> int:
    """How many bytes the weights of the base take once they are stored in this type."""
    return int(sum(math.prod(weight.get_shape()) for weight in stored_weights(base).values()) * dtype.itemsize)


def _check_rows(job: MergeJob, vocabulary: int) -> list[list[int]]:
    if job.prepared is None:
        return [
            [(start * 7919 + place * 104729) % vocabulary for place in range(PROBE_TOKENS // 8)]
            for start in range(job.check_rows)
        ]
    rows: list[list[int]] = []
    for number, row in read_json_lines(Path(job.prepared), "prepared"):
        ids = row.get("input_ids")
        if not isinstance(ids, list) or not all(type(item) is int and 0 <= item < vocabulary for item in ids):
            raise TrainerError("bad-rows", f"prepared, line {number}: input_ids do not fit this model")
        rows.append(ids[:PROBE_TOKENS])
        if len(rows) == job.check_rows:
            break
    if not rows:
        raise TrainerError("bad-rows", "`prepared` holds no row to check the merge with")
    return rows


@torch.no_grad()
def _logits(model: Any, rows: list[list[int]], device: str) -> list[torch.Tensor]:  # noqa: ANN401
    """Of each row, the logits at a few positions, the last one among them."""
    logits: list[torch.Tensor] = []
    for ids in rows:
        places = torch.linspace(0, len(ids) - 1, min(POSITIONS, len(ids))).long().to(device)
        given = torch.tensor([ids], device=device)
        logits.append(model(input_ids=given, use_cache=False, logits_to_keep=places).logits[0].float().cpu())
    return logits


def _refuse_bad_numbers(logits: list[torch.Tensor], what: str) -> None:
    if not all(bool(torch.isfinite(part).all()) for part in logits):
        raise TrainerError(
            "not-finite", f"{what} give logits that are not finite", "train again with a lower learning_rate"
        )


def _compare(wanted: list[torch.Tensor], found: list[torch.Tensor], allowed: float) -> dict[str, Any]:
    _refuse_bad_numbers(found, "the merged weights")
    scale = max(part.abs().max().item() for part in wanted)
    difference = max((a - b).abs().max().item() for a, b in zip(wanted, found, strict=True)) / scale
    same = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in zip(wanted, found, strict=True)])
    if difference > allowed:
        raise TrainerError(
            "merge-differs",
            f"a logit of the merged model is off by {difference:.3g} of the largest logit, allowed is {allowed:g}",
            "merge in float32, or look at the adapter",
        )
    return {"logit_difference": difference, "tolerance": allowed, "same_choice": same.float().mean().item()}
