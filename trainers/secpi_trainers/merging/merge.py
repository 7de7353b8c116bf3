"""`merge`: base + adapter → one model folder, and the proof that it is both together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import set_seed

from ..base.disk import require_room
from ..base.errors import TrainerError
from ..base.files import put_in_place, staging
from ..base.session import Session
from ..jobs import MergeJob
from ..models.loading import copy_companions, model_folder, pick_device, quiet_libraries, torch_dtype
from ..models.skeleton import empty_model, stored_form
from ..models.weight_files import stored_weights
from .additions import Additions
from .logits import compare_logits
from .merge_check import check_merge
from .nf4 import require_bitsandbytes, rounded_weights
from .streamed import write_merged


def run_merge(job: MergeJob, session: Session) -> dict[str, Any]:
    """Fills `output` with `model/`. A kill leaves nothing of it, and the next run begins anew."""
    torch.set_num_threads(job.torch_threads)
    quiet_libraries()
    set_seed(0)
    if job.quantised:
        require_bitsandbytes()
    device, dtype = pick_device(job.device), torch_dtype(job.dtype)
    folder, adapter = model_folder(job.model, job.revision), Path(job.adapter)
    skeleton = empty_model(folder, dtype)
    config, parameters = skeleton.config, sum(item.numel() for item in skeleton.parameters())
    if getattr(config, "quantization_config", None) is not None:
        raise TrainerError(
            "bad-model", f"the base in {folder} is stored quantised, and an adapter cannot be merged into it"
        )
    planned = stored_form(skeleton, dtype)
    size = sum(item.nbytes for item in planned.values())
    require_room(job.output_folder, size, "the merged weights")
    rounded = rounded_weights(empty_model(folder, dtype), dtype) if job.quantised else set()
    additions = Additions(skeleton, adapter, planned)

    def counted(unit: str) -> Any:  # noqa: ANN401
        def count(done: int, total: int) -> None:
            session.progress(done, total, unit)
            session.stop.check()

        return count

    with staging(job.output_folder) as build:
        merged = build / "model"
        merged.mkdir()
        config.dtype, config.architectures = job.dtype, [type(skeleton).__name__]
        config.save_pretrained(merged)
        copy_companions(folder, merged)
        stored = stored_weights(folder)
        files = write_merged(merged, stored, planned, additions, dtype, rounded, device, counted("merged weights"))
        # What counts is the folder that others will load, so that is what is looked into.
        names = set(planned)
        deviation = check_merge(folder, names, adapter, merged, dtype, device, counted("checked weights"), rounded)
        facts = compare_logits(job, session, folder, merged, size, device, dtype)
        session.stop.check()
        put_in_place(merged, job.output_folder / "model")
    return {
        "max_difference": deviation.largest,
        "adapted_weights": deviation.adapted,
        "checked_weights": deviation.tensors,
        "dequantised": job.quantised,
        "files": files,
        **facts,
        "parameters": parameters,
    }
