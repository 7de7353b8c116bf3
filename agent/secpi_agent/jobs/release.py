"""Removing a job that is over."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..base.files import aside_of, set_aside
from ..errors import AgentError
from .folder import JobFolder
from .state import look


def release(folder: Path) -> None:
    """Removes all of a job. Throws `job/still-running` as long as something of it lives."""
    if not folder.is_dir():
        # Somebody was cut off after the name was changed.
        shutil.rmtree(aside_of(folder), ignore_errors=True)
        return
    job = JobFolder(folder)
    for attempt in (folder / "attempts").glob("*"):
        if look(job.attempt(int(attempt.name))) in ("running", "waiting"):
            raise AgentError("job/still-running", f"attempt {attempt.name} still runs in {folder}", "Cancel it first.")
    # Under another name first: half of a job is not to be taken for one.
    shutil.rmtree(set_aside(folder))
