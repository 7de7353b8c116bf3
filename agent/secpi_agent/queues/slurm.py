"""
The commands of Slurm, as far as a job needs them, and how little their answers prove.

What is relied on was measured with 22.05: a `sbatch` that fails may have submitted all the same, an id that is not
known any more is an error while a name is none, and only names can be asked for before an id is known.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple

from ..errors import AgentError

_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin:/usr/local/slurm/bin:/cm/shared/apps/slurm/current/bin"
_CALL_SECONDS = 60.0

WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "POWER_UP_NODE"}
)
"""States of a job that is to run, or to run again."""

OVER = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
"""States that do not change any more. What is in neither set counts as running: nothing is begun because of it."""


class QueuedJob(NamedTuple):
    """One line of the queue."""

    id: int
    state: str
    reason: str


def path() -> str:
    """Where programs are looked for: also where clusters keep Slurm, which a shell without a profile does not know."""
    return os.pathsep.join([os.environ.get("PATH", ""), _PATH])


def call(*argv: str) -> subprocess.CompletedProcess[str]:
    """Runs one of its commands. Throws `slurm/not-here` where there is none, `compute/unreachable` when it hangs."""
    environment = {**os.environ, "PATH": path(), "LC_ALL": "C", "SLURM_TIME_FORMAT": "standard"}
    # Set for every task of a job, they would change what the commands do.
    for name in ("SLURM_EXPORT_ENV", "SBATCH_EXPORT", "SQUEUE_FORMAT", "SQUEUE_STATES", "SQUEUE_SORT"):
        environment.pop(name, None)
    program = shutil.which(argv[0], path=path())
    if program is None:
        raise AgentError("slurm/not-here", f"there is no {argv[0]} here", "Name a login node of the cluster as `host`.")
    try:
        return subprocess.run(
            [program, *argv[1:]],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_CALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise unanswered(f"{argv[0]} has not ended within {_CALL_SECONDS:.0f} s") from error


UNANSWERED = "compute/unreachable"
"""The code of the orchestrator for a host that cannot be reached: it means the same."""


def unanswered(said: str) -> AgentError:
    """The one error that proves nothing."""
    return AgentError(UNANSWERED, f"Slurm does not answer: {last_line(said)}", "Is slurmctld up? `scontrol ping`")


def last_line(text: str) -> str:
    """The last that was said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"


def queued(name: str) -> list[QueuedJob]:
    """
    All jobs of this user that have the name, also those that are over and still known; lowest id first.

    Throws `compute/unreachable`: no answer is not an empty queue.
    """
    done = call("squeue", "--noheader", "--me", "--states=all", f"--name={name}", "--format=%A|%T|%r")
    if done.returncode != 0:
        raise unanswered(done.stderr)
    jobs = [line.split("|") for line in done.stdout.splitlines() if line.strip()]
    return sorted(QueuedJob(int(number), state, reason) for number, state, reason in jobs)


REFUSED = "slurm/refused"


def refused(said: str, flags: list[str]) -> AgentError:
    """It will not run a job with these flags, and has said so."""
    message = f"Slurm does not take the job: {last_line(said)}"
    hint = "See `sinfo`, and the target in the recipe."
    away = [name for name, is_away in _nodes(flags) if is_away] if _NO_SUCH_NODES in said else []
    if away:
        hint += f" Nodes that are down or drained do not count ({', '.join(away[:8])}): once they are back, run again."
    return AgentError(REFUSED, message, hint)


def submit(flags: list[str], script: str) -> int | None:
    """Submits a script: the job's id; None when nobody can tell whether there is a job now. Throws `slurm/refused`."""
    done = call("sbatch", "--parsable", *flags, script)
    if done.returncode == 0:
        return int(done.stdout.strip().splitlines()[-1].partition(";")[0])
    said = done.stderr
    # These are said before a job exists, and only these.
    if any(words in said for words in _REFUSALS):
        raise refused(said, flags)
    return None


_REFUSALS = (
    "Batch job submission failed: Invalid",
    "Batch job submission failed: Requested",
    "Batch job submission failed: Access",
    "Batch job submission failed: User's group",
    "Batch job submission failed: Job violates",
    "Batch job submission failed: Memory required",
    "Batch job submission failed: More processors",
    "Batch job submission failed: No partition",
    "Batch job submission failed: Required",
    "unrecognized option",
    "invalid option",
    "Invalid generic resource",
    "Invalid --",
    "Invalid time limit",
    "Invalid directive",
)


def try_out(flags: list[str]) -> tuple[bool, str]:
    """
    Whether it would ever run such a job, and what it says of when. Submits nothing. Throws `compute/unreachable`.

    `sbatch` itself takes jobs that no node can run, and lets them wait for ever.
    """
    done = call("sbatch", "--test-only", *flags, "--wrap=true")
    said = last_line(done.stderr or done.stdout).removeprefix("sbatch: ").removeprefix("error: ")
    if done.returncode != 0 and any(words in said for words in _NO_ANSWERS):
        raise unanswered(said)
    # A partition that is down, or whose nodes all are, comes back.
    away = "not available now" in said or (_NO_SUCH_NODES in said and _all_away(flags))
    return done.returncode == 0 or away, said.removeprefix("allocation failure: ")


_NO_SUCH_NODES = "node configuration is not available"
"""Said of nodes that do not exist, and of those that are away."""

_AWAY = ("down", "drain", "fail", "unknown", "maint", "reboot", "power")


def _all_away(flags: list[str]) -> bool:
    """Whether none of them takes jobs: then nothing can be said of what they could run."""
    nodes = _nodes(flags)
    return len(nodes) > 0 and all(is_away for _, is_away in nodes)


def _nodes(flags: list[str]) -> list[tuple[str, bool]]:
    """The nodes of the partitions that the flags name, else all, and whether each is away; none without an answer."""
    partitions = [flag for flag in flags if flag.startswith("--partition=")]
    done = call("sinfo", "--Node", "--noheader", "--format=%N %T", *partitions)
    if done.returncode != 0:
        return []
    states = dict(line.split() for line in done.stdout.splitlines() if line.strip())
    return [(name, state.startswith(_AWAY)) for name, state in sorted(states.items())]


_NO_ANSWERS = ("Unable to contact", "Socket timed out", "Connection refused", "Communication connection failure")


def let_go(number: int) -> None:
    """Takes the hold off a job. That it is gone already is no error. Throws `compute/unreachable`."""
    done = call("scontrol", "release", str(number))
    if done.returncode != 0 and any(words in done.stderr for words in _NO_ANSWERS):
        raise unanswered(done.stderr)


def cancel_waiting(number: int) -> None:
    """Takes a job out of the queue, if it still waits there."""
    call("scancel", "--state=PENDING", str(number))


def cancel_job(number: int) -> None:
    """Ends a job."""
    call("scancel", str(number))


def signal_steps(number: int, name: str) -> None:
    """A signal for what `srun` has started, and not for `srun` itself, which would abort it."""
    call("scancel", f"--signal={name}", str(number))


def requeue(number: int) -> None:
    """Puts a job back into the queue, from inside of it, which ends it, unless that is refused."""
    call("scontrol", "requeue", str(number))


def fact(number: int, name: str) -> str | None:
    """One fact about a job, such as `JobState`; None when nobody knows any more, or nobody answers."""
    try:
        done = call("scontrol", "show", "job", "-o", str(number))
    except AgentError:
        return None
    words = [word.partition("=") for word in done.stdout.split()]
    return next((value for key, _, value in words if key == name), None) if done.returncode == 0 else None
