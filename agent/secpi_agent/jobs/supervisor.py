"""
Runs one attempt of a job, in a process of its own that nobody has to stay with.

It alone starts the job's programs. It holds the job's lock, so that there is one of its kind; who it is stands on the
disk before anything runs, so that it can be told dead for certain; and it writes how the attempt ended as its last act.
Programs die with it, and whatever they leave behind is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ..base.files import make_folder, read_result, sync, write_json
from ..base.locks import try_lock
from ..base.memory import MemoryWatch
from ..base.owner import Owner, this_process
from ..base.processes import adopt_orphans, kill_all, mark_of
from ..errors import AgentError
from .containers import ensure_image
from .folder import Attempt, JobFolder
from .outputs import describe
from .program import Program
from .secrets_file import forget_all
from .service import Lease, free_address
from .spec import Step

STOPPED = 75
"""What a program exits with that was told to stop and has saved what it had (EX_TEMPFAIL of sysexits.h)."""

KILLED = 128 + signal.SIGKILL
"""What one counts as that SIGKILL has ended."""

_LOOK_SECONDS = 0.5
_ROOM_FOR_THE_END = 1 << 18


class Supervisor:
    """One attempt, from its lock to its exit record."""

    def __init__(self, job: JobFolder, number: int, secrets: dict[str, str], lifeline: int | None) -> None:
        self._job = job
        self._number = number
        self._attempt: Attempt = job.attempt(number)
        self._secrets = secrets
        self._lifeline = lifeline
        self._stopping_since: float | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def take(self) -> bool:
        """Becomes the one supervisor of the job; False when there is another. Nothing of the job runs before this."""
        if not self._claim():
            return False
        # Only now it stays as it is.
        self._spec = self._attempt.spec
        self._mark = mark_of(self._spec["key"], self._number)
        # What a supervisor left behind that was killed itself: it cannot have been told dead while these write.
        kill_all(mark_of(self._spec["key"], None))
        adopt_orphans()
        make_folder(self._job.work)
        # So that a full disk cannot keep us from saying how it ended.
        with (self._attempt.folder / "room").open("wb") as room:
            room.write(bytes(_ROOM_FOR_THE_END))
        service = self._spec["service"]
        self._lease = None if service is None else Lease(self._attempt.lease, service["lease_seconds"])
        if service is not None:
            # Before it is said to run: whoever hears that hears where.
            self._attempt.listen_at(free_address(service["bind"]))
        # Before it is known who we are: from then on somebody may tell us to stop.
        self.listen()
        self._attempt.begin(self._me())
        return True

    def _claim(self) -> bool:
        """Sees to it that nobody else runs the job, by a lock that the kernel takes away with the process."""
        handle = try_lock(self._job.lock)
        if handle is None:
            return False
        if self._attempt.owner is not None or self._attempt.exit is not None:
            os.close(handle)
            return False
        return True

    def _me(self) -> Owner:
        return this_process()

    def run(self) -> None:
        """Runs the steps and writes the exit record."""
        began = time.time()
        try:
            record = self._run_steps()
        except AgentError as error:
            record = {"outcome": "failed", "error": {"code": error.code, "message": error.message, "hint": error.hint}}
        except OSError as error:
            record = {"outcome": "failed", "error": {"code": "job/system", "message": str(error)}}
        except Exception as error:
            # A fault of ours: said in full where it can be found, and in a line where it will be read.
            sys.excepthook(*sys.exc_info())
            message = f"the supervisor failed: {type(error).__name__}: {error}"
            record = {"outcome": "failed", "error": {"code": "job/internal", "message": message}}
        kill_all(self._mark)
        forget_all(self._attempt)
        (self._attempt.folder / "room").unlink(missing_ok=True)
        about = {
            "schema": 1,
            "attempt": self._number,
            "started_at": began,
            "ended_at": time.time(),
            "owner": self._me(),
        }
        self._end({**about, **record})

    def _end(self, record: dict[str, Any]) -> None:
        self._attempt.end(record)

    def listen(self) -> None:
        """From here on signals are heard."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, lambda *_: self._stop())

    def _run_steps(self) -> dict[str, Any]:
        paths = self._job.paths(self._attempt)
        results: dict[str, Any] = {}
        container = self._spec["container"]
        if container is not None:
            ensure_image(container, self._must_stop)
        for step in self._spec["steps"]:
            # Documents of an attempt name its own events, so what a step is does not depend on them.
            note = {"sha256": _digest(step)}
            filled: Step = paths.fill(step)
            known = self._job.step_done(step["name"])
            if known is not None and known["sha256"] == note["sha256"]:
                results[step["name"]] = known["result"]
                continue
            if self._must_stop():
                return {"outcome": "stopped", "results": results}
            self._check()
            for name, document in step["documents"].items():
                make_folder(self._attempt.documents)
                write_json(self._attempt.documents / name, paths.fill(document))
            code = self._run_program(filled)
            result = read_result(Path(filled["result"])) if filled["result"] else None
            results[step["name"]] = result
            # A service has nothing to come to an end for.
            if code != 0 or self._lease is not None:
                outcome = "stopped" if self._stopping_since is not None or code == STOPPED else "failed"
                about: dict[str, Any] = {}
                if outcome == "stopped" and self._lease is None:
                    # What a program says that has saved its work; one that was killed has not.
                    about["checkpointed"] = _checkpoint_of(result) if code == STOPPED else None
                if code == KILLED and self._memory.has_killed():
                    about["out_of_memory"] = True
                return {"outcome": outcome, "step": step["name"], "code": code, "results": results, **about}
            self._job.note_done(step["name"], {**note, "result": result})
        return self._finished(paths.fill(self._spec["outputs"]), results)

    def _finished(self, outputs: list[Any], results: dict[str, Any]) -> dict[str, Any]:
        described = []
        for output in outputs:
            try:
                described.append(describe(output))
            except (FileNotFoundError, ValueError) as error:
                problem = {"code": "job/no-output", "message": f"it ended well, but its output is not there: {error}"}
                return {"outcome": "failed", "error": problem, "results": results}
        return {"outcome": "done", "results": results, "outputs": described}

    def _run_program(self, step: Step) -> int:
        program = Program(self._attempt, step, self._job.work, self._secrets)
        self._memory = MemoryWatch()
        failed = program.start()
        if failed is not None:
            return failed
        told = killed = False
        while True:
            code = program.poll()
            if code is not None:
                break
            if self._must_stop():
                if not told:
                    told = True
                    program.stop()
                grace = self._spec["grace_seconds"]
                if not killed and time.monotonic() - (self._stopping_since or 0) > grace:
                    killed = True
                    program.kill()
            self._sleep()
        self._check()
        sync(self._attempt.log)
        kill_all(self._mark)
        program.clean()
        if code == 0 and self._spec["container"] is not None and self._must_stop():
            # So an engine exits too that was told to stop before the program had begun.
            return STOPPED
        return code

    def _stop(self) -> None:
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()

    def _must_stop(self) -> bool:
        if self._stopping_since is None and (
            self._attempt.stop.exists() or (self._lease is not None and self._lease.is_over)
        ):
            self._stop()
        return self._stopping_since is not None

    def _check(self) -> None:
        """Before a program starts, when it is over, and before the end is written: whether we are still the one."""

    def _sleep(self) -> None:
        """Until something happens, or it is time to look whether somebody wants an end."""
        watched = [self._wake_read] if self._lifeline is None else [self._wake_read, self._lifeline]
        ready, _, _ = select.select(watched, [], [], _LOOK_SECONDS)
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        if self._lifeline in ready and os.read(self._lifeline or 0, 4096) == b"":
            self._lifeline = None
            self._stop()


def _checkpoint_of(result: Any) -> int | None:  # noqa: ANN401 - whatever a program wrote
    saved = result.get("checkpoint") if isinstance(result, dict) else None
    return saved if type(saved) is int else None


def _digest(step: Step) -> str:
    return hashlib.sha256(json.dumps(step, sort_keys=True).encode()).hexdigest()
