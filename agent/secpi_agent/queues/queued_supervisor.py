"""The supervisor of an attempt that the queue of a cluster has started, and may put back and start again."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import Any

from ..base.owner import Owner, this_process
from ..base.processes import kill_all
from ..errors import AgentError
from ..jobs.folder import JobFolder
from ..jobs.secrets_file import forget_all, keep_secrets, take_secrets
from ..jobs.supervisor import Supervisor
from . import cluster, slurm

_REQUEUE_SECONDS = 90.0


class QueuedSupervisor(Supervisor):
    """
    One round of an attempt.

    Two nodes cannot see each other's processes, so that there is one of its kind rests on a lease instead of a lock: it
    counts up, who takes over waits until nobody has for a minute, and who cannot count up for half of that ends itself.
    """

    def __init__(self, job: JobFolder, number: int) -> None:
        super().__init__(job, number, {}, None)
        self._id = cluster.job_id()
        self._round = cluster.round_number()
        self._beaten = time.monotonic()
        self._left = False

    def _claim(self) -> bool:
        attempt = self._attempt
        if attempt.exit is not None:
            return False
        if not cluster.take_claim(attempt, self._id) and attempt.claim != self._id:
            return False
        before = attempt.owner
        if before is not None and attempt.last_round is None:
            sys.stderr.write(f"waiting until the round on {before['host']} is over\n")
            while cluster.beats(attempt):
                time.sleep(1)
        if attempt.exit is not None:
            return False
        self._secrets = take_secrets(attempt, attempt.spec["secrets"])
        self._beaten = time.monotonic()
        return True

    def _me(self) -> Owner:
        return {**this_process(), "round": self._round}

    def _check(self) -> None:
        while self._left:
            # Another thread ends us: nothing more is to be done, or noted, until it has.
            time.sleep(1)
        if self._attempt.owner != self._me():
            self._leave("another one has taken over")

    def run(self) -> None:
        """Runs the steps and writes the exit record, and counts up all the while."""
        # A thread: hashing and fetching take long, and a disk that hangs holds up whoever writes to it.
        threading.Thread(target=self._count, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        super().run()

    def _count(self) -> None:
        beats = 0
        while True:
            with contextlib.suppress(OSError):
                self._check()
                beats += 1
                self._attempt.beat.write_text(f"{self._round} {beats}", encoding="ascii")
                self._beaten = time.monotonic()
            time.sleep(cluster.BEAT_SECONDS)

    def _watch(self) -> None:
        while time.monotonic() - self._beaten < cluster.LEASE_SECONDS / 2:
            time.sleep(1)
        self._leave("nothing could be written for half a minute")

    def _leave(self, why: str) -> None:
        """Ends all that runs here, at once and without a word in the job's folder, which may be another's by now."""
        self._left = True
        kill_all(self._mark)
        sys.stderr.write(f"{why}; this round ends\n")
        os._exit(1)

    def _end(self, record: dict[str, Any]) -> None:
        self._check()
        # A server has nothing to go on with; whoever asks it begins another one.
        if record["outcome"] != "stopped" or self._attempt.stop.exists() or self._spec["service"] is not None:
            super()._end(record)
            return
        # The queue wants the node back. What was saved is gone on with when it gives another one.
        state = slurm.fact(self._id, "JobState")
        gone = state is not None and state in slurm.OVER and state != "PREEMPTED"
        if gone or self._round >= self._requeues():
            super()._end(record)
            return
        keep_secrets(self._attempt, self._secrets)
        self._attempt.end_round(self._me(), record)
        if state in (None, "RUNNING") and not self._attempt.stop.exists():
            # Not yet: then we have been asked in time, and are to do it ourselves.
            with contextlib.suppress(AgentError):
                slurm.requeue(self._id)
        # It ends us. If it does not, it has been refused.
        deadline = time.monotonic() + _REQUEUE_SECONDS
        while time.monotonic() < deadline and not self._attempt.stop.exists():
            time.sleep(1)
        self._check()
        forget_all(self._attempt)
        super()._end(record)

    def _requeues(self) -> int:
        launcher: cluster.Launcher = cluster.launcher_of(self._attempt)
        return launcher["requeues"]


def supervise(job: JobFolder, number: int) -> None:
    """Runs a round, if this job of the queue is the one that may."""
    supervisor = QueuedSupervisor(job, number)
    supervisor.listen()
    try:
        taken = supervisor.take()
    except AgentError as error:
        problem = {"code": error.code, "message": error.message, "hint": error.hint}
        job.attempt(number).end({"schema": 1, "attempt": number, "outcome": "failed", "error": problem})
        return
    if taken:
        supervisor.run()
