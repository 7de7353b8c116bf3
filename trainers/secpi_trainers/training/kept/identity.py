"""Which job a checkpoint belongs to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ...base.errors import TrainerError
from ...base.files import sha256_json, sha256_of
from ...base.tools import tool_versions
from ...jobs import TrainJob
from ...models.checkpoints import checkpoints, newest_marked
from ...models.loading import model_folder, model_identity

CHECKPOINTS = "checkpoints"
"""Where they are, below a job's work folder."""


def identity_of(job: TrainJob, folder: Path) -> str:
    """Changes with everything in a job that changes the result, and with nothing else. `folder` is the model's.

    What the machine decides, where the job leaves it open, is not in it: see `begun.py`.
    """
    places = {
        "work",
        "output",
        "events",
        "lifeline",
        "threads",
        "model",
        "prepared",
        "holdout",
        "keep_checkpoints",
        "peak_tflops",
        "report_to",
    }
    if job.average_checkpoints is None:
        places.add("save_every_steps")
    return sha256_json(
        [
            job.model_dump(exclude=places),
            sha256_of(Path(job.prepared)),
            # What is measured on them in between is remembered by checkpoints, and may decide when to end.
            sha256_of(Path(job.holdout)) if job.holdout and job.evaluate_every_steps is not None else None,
            model_identity(folder),
            tool_versions(),
        ]
    )


def saved_step(job: TrainJob) -> int | None:
    """From which step the job will go on, as far as whoever is told to stop can see in seconds."""
    root = job.work_folder / CHECKPOINTS
    with suppress(OSError, TrainerError):
        if checkpoints(root):
            folder = model_folder(job.model, job.revision, fetch=False)
            found = newest_marked(root, identity_of(job, folder))
            return None if found is None else found[0].step
    return None
