"""What is known of an attempt."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ..base.owner import lives
from ..base.processes import kill_all, mark_of
from ..errors import AgentError
from ..queues import cluster, slurm
from .containers import remove_all
from .folder import Attempt
from .secrets_file import forget_all

_FIRST_SECONDS = 1.0
_MOST_SECONDS = 30.0


def look(attempt: Attempt) -> str:
    """
    `new`, `waiting` in a queue, `running`, `exited`, or `lost`: the supervisor is gone and has not said how it ended.

    Throws `compute/unreachable` when the queue that decides it does not answer.
    """
    if attempt.submitting.exists():
        return cluster.look(attempt)
    if attempt.exit is not None:
        return "exited"
    owner = attempt.owner
    if owner is None:
        return "new"
    if lives(owner):
        return "running"
    # It may have ended between the two looks.
    return "exited" if attempt.exit is not None else "lost"


def state_of(attempt: Attempt, state: str | None = None) -> dict[str, Any]:
    """What is known of an attempt, with its exit record once there is one. One that is lost is made sure to be over."""
    if state is None:
        state = look(attempt)
    said: dict[str, Any] = {"type": "state", "state": state}
    if state == "exited":
        said["exit"] = attempt.exit
    if state == "running" and attempt.address is not None:
        said["address"] = attempt.address
    if state == "waiting":
        said["why"] = attempt.waits_for
    if state == "lost":
        # Its own programs alone: those of the attempt after it may be running.
        kill_all(mark_of(attempt.spec["key"], attempt.number))
        with contextlib.suppress(AgentError):
            # On a login node there may be no engine at all; what runs on a node the next attempt there removes.
            remove_all(attempt.spec)
    if state in ("exited", "lost"):
        # Whoever was to take them was killed before, or was never begun.
        forget_all(attempt)
    return said


class Watch:
    """Looks again and again; a queue is asked less and less often, and its silence changes nothing."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._known = ""
        self._pause = _FIRST_SECONDS
        self._next = 0.0

    def look(self) -> str:
        """The state, as far as it is known."""
        if not self._attempt.submitting.exists():
            return look(self._attempt)
        # That it is over stands on the disk.
        if self._attempt.exit is not None or time.monotonic() >= self._next:
            try:
                state = look(self._attempt)
            except AgentError as error:
                if error.code != slurm.UNANSWERED:
                    raise
                state = self._known or "waiting"
            self._pause = _FIRST_SECONDS if state != self._known else min(_MOST_SECONDS, self._pause * 1.5)
            self._known = state
            self._next = time.monotonic() + self._pause
        return self._known
