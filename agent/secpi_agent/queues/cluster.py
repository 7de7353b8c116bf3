"""
An attempt that a cluster's queue decides when to run. The files, besides those of every attempt:

    batch.sh        what is submitted
    submitting      how it is submitted, by somebody who is about to; from here on there may be a job of the queue
    batch.json      its id
    released        the hold that it was submitted on is off
    withdrawn       nothing of it waits in the queue any more
    claim.json      the one job of the queue that may run the attempt; no other does, whatever the queue does
    lost            it was in the queue and has run, and is not known to have ended
    rounds/         how rounds of it ended: a job that is put back into the queue has several
    beat            counted up by the supervisor as long as it lives and can write

A state of the queue never proves that the job is done or has failed; it only says that there is no more to wait for.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TypedDict, cast

from ..base.files import create_json, read_json, write_json
from ..base.locks import alone
from ..base.owner import lives, this_process
from ..errors import AgentError
from ..jobs.folder import Attempt
from ..jobs.secrets_file import forget_all
from . import slurm

_SETTLE_SECONDS = 10.0
"""A network file system may show what another machine wrote that late."""

_APPEAR_SECONDS = 30.0
"""A submission whose answer was lost may show up in the queue that late: measured over ssh."""

_LOOK_SECONDS = 1.0

BEAT_SECONDS = 5.0
LEASE_SECONDS = 60.0
"""Who has not counted up for so long is dead, or has ended itself: it does after half of that."""

NOBODY = 0
"""In a claim: no job may run the attempt any more."""


class Launcher(TypedDict):
    """How a job gets into the queue. `flags` are options of `sbatch`, a word each."""

    flags: list[str]
    requeues: int


def _name(attempt: Attempt) -> str:
    """What the queue calls it. It is looked for by this name, in which a comma would be taken for two."""
    return f"{attempt.spec['key']}-{attempt.number}"


def submit(attempt: Attempt, launcher: Launcher) -> None:
    """
    Sees to it that the attempt is in the queue, once. Throws `compute/unreachable` when that cannot be told,
    `slurm/refused` when it is not taken.

    Submitted on hold and let go once its id is on the disk: a job that nobody knows of costs nothing.
    """
    name = _name(attempt)
    # On several login nodes, and on a disk without locks, the claim decides.
    with alone(attempt.folder / "submit.lock", required=False):
        if attempt.exit is not None:
            return
        number = attempt.batch
        if number is None:
            number = _find(name, patient=attempt.submitting.exists())
        if number is None:
            possible, said = slurm.try_out(launcher["flags"])
            if not possible:
                raise slurm.refused(said, launcher["flags"])
            script = _write_script(attempt)
            write_json(attempt.submitting, launcher)
            flags = [*_flags(attempt, name, launcher), "--hold"]
            try:
                number = slurm.submit(flags, str(script))
            except AgentError as error:
                # Only then there is none for certain; one that hangs may have submitted it.
                if error.code == slurm.REFUSED:
                    attempt.submitting.unlink()
                raise
            if number is None:
                number = _find(name, patient=True)
            if number is None:
                raise slurm.unanswered("it has not said whether it took the job")
        write_json(attempt.folder / "batch.json", {"id": number})
        for other in slurm.queued(name):
            # Of a submission whose answer was lost; it would stand in this one's way.
            if other.id != number and other.state not in slurm.OVER:
                slurm.cancel_job(other.id)
        _let_go(attempt, number)


def _let_go(attempt: Attempt, number: int) -> None:
    """Takes off the hold of the submission, once: one that somebody else puts on it later is not ours to take off."""
    released = attempt.folder / "released"
    if not released.exists():
        slurm.let_go(number)
        released.touch(mode=0o600)


def launcher_of(attempt: Attempt) -> Launcher:
    """How it was submitted."""
    return cast("Launcher", read_json(attempt.submitting))


def _find(name: str, *, patient: bool) -> int | None:
    """The job of that name that may run; more of them are cancelled."""
    deadline = time.monotonic() + _APPEAR_SECONDS
    while True:
        alive = [job for job in slurm.queued(name) if job.state not in slurm.OVER]
        if alive:
            for other in alive[1:]:
                slurm.cancel_job(other.id)
            return alive[0].id
        if not patient or time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)


def _flags(attempt: Attempt, name: str, launcher: Launcher) -> list[str]:
    """Ours come last and so win: what exactly-once stands on is not for a recipe to change."""
    # A minute more than a program may take to save what it has; Slurm sends it up to a minute early.
    lead = int(attempt.spec["grace_seconds"]) + 60
    return [
        *launcher["flags"],
        f"--job-name={name}",
        f"--output={attempt.folder / 'batch.txt'}",
        f"--error={attempt.folder / 'batch.txt'}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR2@{lead}",
        "--kill-on-invalid-dep=yes",
        "--dependency=singleton",
        # No variable of whoever submits, secrets first.
        "--export=NIL",
    ]


def _write_script(attempt: Attempt) -> Path:
    """What the queue runs: the agent again, there."""
    agent = Path(__file__).resolve().parent.parent
    lines = [
        "#!/bin/bash",
        "# Written by secpi. Slurm copies it when it is submitted, so a change here has no effect.",
        "umask 077",
        # It would be passed on to srun, which then finds no program.
        "unset SLURM_EXPORT_ENV",
        f"export HOME={shlex.quote(str(Path.home()))} PATH={shlex.quote(slurm.path())}",
        *(f"export {name}={shlex.quote(value)}" for name, value in _inherited(attempt).items()),
        # The signals of the queue are for this very process, so it becomes the agent.
        f"exec {shlex.quote(sys.executable)} -I {shlex.quote(str(agent))} supervise <<'END'",
        json.dumps({"folder": str(attempt.folder.parent.parent), "attempt": attempt.number}),
        "END",
        "",
    ]
    script = attempt.folder / "batch.sh"
    script.write_text("\n".join(lines), encoding="utf-8")
    script.chmod(0o700)
    return script


def _inherited(attempt: Attempt) -> dict[str, str]:
    """Of the environment here what the job may see, and how its commands find the cluster."""
    names = [*attempt.spec["inherit"], "SLURM_CONF"]
    # Where it runs there is another one.
    return {name: os.environ[name] for name in names if name in os.environ and name not in ("HOME", "TMPDIR")}


def look(attempt: Attempt) -> str:
    """
    The state of a submitted attempt: `waiting`, `running`, `exited` or `lost`; `new` if it may not have been submitted.
    What it waits for is noted in it.

    Throws `compute/unreachable` when the queue does not answer and nothing else is proven.
    """
    if attempt.exit is not None:
        _withdraw(attempt)
        return "exited"
    if attempt.lost.exists():
        return "lost"
    number = attempt.batch
    if number is None:
        return "new"
    live = [job for job in slurm.queued(_name(attempt)) if job.state not in slurm.OVER]
    if any(job.state not in slurm.WAITING for job in live):
        return "running"
    attempt.waits_for = next((job.reason for job in live if job.reason != "None"), "")
    if live and attempt.stop.exists():
        # It was put back after it had been told to stop, or nobody has taken it out yet.
        slurm.cancel_waiting(number)
        return "waiting"
    if live:
        # Whoever submitted it may have been killed before that.
        _let_go(attempt, number)
        return "waiting"
    return _settled(attempt, number)


def _withdraw(attempt: Attempt) -> None:
    """
    Takes out of the queue what still waits there for an attempt that is over, once.

    A controller that has crashed can put a job back that it has begun, and hold it for ever.
    """
    withdrawn = attempt.folder / "withdrawn"
    with contextlib.suppress(AgentError):
        if not withdrawn.exists():
            cancel(attempt)
            withdrawn.touch(mode=0o600)


def _settled(attempt: Attempt, number: int) -> str:
    """What became of an attempt that the queue has nothing more to do with."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        # Listing a folder makes a network file system look again.
        with contextlib.suppress(OSError):
            list(attempt.folder.iterdir())
        if attempt.exit is not None:
            return "exited"
        if time.monotonic() > deadline:
            break
        if take_claim(attempt, NOBODY):
            state = slurm.fact(number, "JobState") or "gone from the queue"
            # A job that somebody has cancelled may still have the reason that it waited for.
            why = None if state == "CANCELLED" else slurm.fact(number, "Reason")
            said = f"{state} ({why})" if why and why != "None" else state
            outcome = "stopped" if attempt.stop.exists() else "failed"
            forget_all(attempt)
            message, hint = f"Slurm has not begun the job: {said}", "Run the same command again."
            problem = {"code": "slurm/not-begun", "message": message, "hint": hint}
            attempt.end({"schema": 1, "attempt": attempt.number, "outcome": outcome, "error": problem})
            return "exited"
        if attempt.claim == NOBODY:
            # Another one has taken it, and is about to say so.
            time.sleep(_LOOK_SECONDS)
            continue
        ended = attempt.last_round
        if ended is not None:
            # It was put back, and taken out of the queue before it ran again.
            forget_all(attempt)
            attempt.end(ended)
            return "exited"
        time.sleep(_LOOK_SECONDS)
    if attempt.claim == NOBODY:
        attempt.end({"schema": 1, "attempt": attempt.number, "outcome": "stopped"})
        return "exited"
    # The queue believes that it is over; its programs may not know that yet.
    if beats(attempt):
        return "running"
    if attempt.exit is not None:
        return "exited"
    attempt.lost.touch(mode=0o600)
    return "lost"


def take_claim(attempt: Attempt, number: int) -> bool:
    """Makes a job of the queue the one that may run the attempt; False when there is one already."""
    return create_json(attempt.folder / "claim.json", {"id": number})


def beats(attempt: Attempt) -> bool:
    """Whether somebody counts up; looks for as long as it takes to be sure that nobody does."""
    owner = attempt.owner
    if owner is not None and owner["host"] == this_process()["host"]:
        # Of our own machine we know at once.
        return lives(owner)
    first = _read(attempt.beat)
    deadline = time.monotonic() + LEASE_SECONDS
    while time.monotonic() < deadline:
        if _read(attempt.beat) != first:
            return True
        if attempt.exit is not None:
            return False
        time.sleep(_LOOK_SECONDS)
    return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def cancel(attempt: Attempt) -> None:
    """Takes it out of the queue if it waits there. If it runs, its supervisor finds the file that says stop."""
    for job in slurm.queued(_name(attempt)):
        # By name: the id of one whose submission was cut off is not known here.
        if job.state in slurm.WAITING:
            slurm.cancel_waiting(job.id)


def test(launcher: Launcher) -> dict[str, object]:
    """Whether the cluster would take a job with these flags, and what it says of when."""
    ok, said = slurm.try_out([*launcher["flags"], "--job-name=secpi-test"])
    return {"type": "tested", "ok": ok, "said": said}


def job_id() -> int:
    """Of the queue's job that this process is in."""
    return int(os.environ["SLURM_JOB_ID"])


def round_number() -> int:
    """How often this job was put back into the queue before."""
    return int(os.environ.get("SLURM_RESTART_COUNT", "0"))
