"""Starting an attempt, once, however often it is asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypedDict

from ..errors import AgentError
from ..queues import cluster, slurm
from .folder import Attempt, JobFolder
from .secrets_file import forget_all, keep_secrets
from .spec import Spec, at_home, check
from .state import look, state_of
from .supervisor import Supervisor

_BEGIN_SECONDS = 30.0
_TRIES = 3


class Request(TypedDict):
    """What `start` is given. `attached`: the supervisor is this very process, and stops the job when its stdin ends.

    With a `launcher`, the queue of a cluster starts it.
    """

    folder: str
    spec: Spec
    attempt: int
    secrets: dict[str, str]
    attached: bool
    launcher: cluster.Launcher | None


def start(request: Request, say: Callable[[dict[str, Any]], None]) -> None:
    """
    Sees to it that this attempt runs or has run, and says its state once that is on the disk.

    The attempt before must be over: throws `job/still-running` otherwise.
    """
    job = JobFolder(at_home(request["folder"]))
    number = request["attempt"]
    for earlier in range(1, number):
        if look(job.attempt(earlier)) in ("running", "waiting"):
            raise AgentError(
                "job/still-running", f"attempt {earlier} still runs in {job.folder}", "Wait for it, or cancel it."
            )
    attempt = job.attempt(number)
    launcher = request["launcher"]
    known = look(attempt)
    if known != "new":
        say(state_of(attempt, known))
        return
    spec = check(request["spec"])
    missing = [name for name in spec["secrets"] if name not in request["secrets"]]
    if missing:
        raise AgentError("job/no-secrets", f"the secret {missing[0]} was not sent")
    attempt.put(spec)
    if launcher is not None:
        keep_secrets(attempt, request["secrets"])
        try:
            cluster.submit(attempt, launcher)
        except AgentError as error:
            if error.code == slurm.REFUSED:
                forget_all(attempt)
            raise
        say(state_of(attempt))
        return
    supervisor = Supervisor(job, number, request["secrets"], 0 if request["attached"] else None)
    if request["attached"]:
        taken = supervisor.take()
        say(state_of(attempt) if taken else _state_begun(attempt))
        if taken:
            supervisor.run()
        return
    for _ in range(_TRIES):
        # Another one that only looks whether the job is taken is in the way for a moment.
        if _fork(supervisor, attempt) or look(attempt) != "new" or job.is_taken:
            say(_state_begun(attempt))
            return
    raise _not_begun(attempt)


def _state_begun(attempt: Attempt) -> dict[str, Any]:
    """Waits for the supervisor, ours or that of somebody who asked at the same moment, to say who it is."""
    deadline = time.monotonic() + _BEGIN_SECONDS
    while look(attempt) == "new":
        if time.monotonic() > deadline:
            raise _not_begun(attempt)
        time.sleep(0.02)
    return state_of(attempt)


def _not_begun(attempt: Attempt) -> AgentError:
    return AgentError("job/not-begun", f"nothing began in {attempt.folder}", f"See {attempt.complaints} there.")


def _fork(supervisor: Supervisor, attempt: Attempt) -> bool:
    """
    Twice, so that the supervisor belongs to nobody, neither to who asked nor to the session of the question.

    Whether it has begun; not when another one has the job, or when it died before.
    """
    told, tell = os.pipe()
    child = os.fork()
    if child != 0:
        os.close(tell)
        os.waitpid(child, 0)
        with os.fdopen(told, "rb") as answer:
            return answer.read() == b"begun"
    os.close(told)
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        said = os.open(attempt.complaints, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.dup2(said, 2)
        os.chdir("/")
        taken = supervisor.take()
        os.write(tell, b"begun" if taken else b"")
        os.close(tell)
        if taken:
            supervisor.run()
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
