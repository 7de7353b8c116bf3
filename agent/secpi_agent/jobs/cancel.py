"""Ending an attempt from outside."""

from __future__ import annotations

import signal

from ..base.processes import send
from ..queues import cluster
from .folder import Attempt
from .state import look


def cancel(attempt: Attempt) -> None:
    """
    Asks the supervisor to stop: by a file, which one that is beginning finds, and by a signal, which is quicker.

    Returns at once. The job has the seconds of its own `grace_seconds` to save what it has.
    """
    if not attempt.folder.is_dir():
        return
    attempt.stop.touch(mode=0o600)
    if attempt.submitting.exists():
        cluster.cancel(attempt)
        return
    owner = attempt.owner
    if owner is None or look(attempt) != "running":
        return
    send([owner["pid"]], signal.SIGTERM)
