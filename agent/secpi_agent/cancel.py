"""Ending an attempt from outside."""

from __future__ import annotations

import signal

from .folder import Attempt
from .processes import send


def cancel(attempt: Attempt) -> None:
    """
    Asks the supervisor to stop: by a file, which one that is beginning finds, and by a signal, which is quicker.

    Returns at once. The job has the seconds of its own `grace_seconds` to save what it has.
    """
    if not attempt.folder.is_dir():
        return
    attempt.stop.touch(mode=0o600)
    owner = attempt.owner
    if owner is None or attempt.state != "running":
        return
    send([owner["pid"]], signal.SIGTERM)
