"""Whether the merged model answers as base and adapter do: logits at a few positions, where the model fits."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import torch

from ..base.errors import TrainerError
from ..base.files import read_json_lines
from ..base.session import Session
from ..jobs import MergeJob
from ..models.loading import load_model
from ..models.memory import free_memory
from .adapters import attach_adapter
from .nf4 import nf4_settings

PROBE_TOKENS = 512
"""Of a row, no more than these tokens are read."""
POSITIONS = 8
"""Logits of a row that are compared: those of all positions take as much memory as the model."""
MARGIN = 1 << 30
"""Bytes beside the weights: the adapter, and what a forward pass over a row takes."""


def compare_logits(
    job: MergeJob, session: Session, base: Path, merged: Path, weights: int, device: str, dtype: torch.dtype
) -> dict[str, Any]:
    """Loads base with adapter, then the merged model, and compares. `weights` is how many bytes those take.

    Where they do not fit into free memory nothing is compared, and the facts say so. Throws `trainer/merge-differs`,
    `trainer/not-finite`, `trainer/bad-rows`.
    """
    free = free_memory(device)
    if free < weights * 1.05 + MARGIN:
        session.log(
            f"the merged model's logits are not compared: its weights take {weights / 1e9:.1f} GB, "
            f"and {free / 1e9:.1f} GB are free on the {'GPU' if device == 'cuda' else 'machine'}; its weights are"
        )
        return _facts(job, [], None, None)
    settings: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    quantised = {"quantization_config": nf4_settings(dtype)} if job.quantised else {}
    model = load_model(base, **settings, **quantised)
    rows = _check_rows(job, model.get_input_embeddings().weight.shape[0])
    model = attach_adapter(model, Path(job.adapter))
    model.eval()
    wanted = _logits(model, rows, device)
    _refuse_bad_numbers(wanted, "base and adapter together")
    del model
    gc.collect()
    session.stop.check()
    found = _logits(load_model(merged, **settings), rows, device)
    _refuse_bad_numbers(found, "the merged weights")
    scale = max(part.abs().max().item() for part in wanted)
    difference = max((a - b).abs().max().item() for a, b in zip(wanted, found, strict=True)) / scale
    same = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in zip(wanted, found, strict=True)])
    if difference > job.allowed_difference:
        raise TrainerError(
            "merge-differs",
            f"a logit of the merged model is off by {difference:.3g} of the largest logit, "
            f"allowed is {job.allowed_difference:g}",
            "merge in float32, or look at the adapter",
        )
    return _facts(job, wanted, difference, same.float().mean().item())


def _facts(job: MergeJob, compared: list[torch.Tensor], difference: float | None, same: float | None) -> dict[str, Any]:
    return {
        "logit_difference": difference,
        "tolerance": job.allowed_difference,
        "same_choice": same,
        "checked_rows": len(compared),
        "checked_positions": sum(map(len, compared)),
    }


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
