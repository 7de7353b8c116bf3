"""
The folder of one job, where it runs. Names say what is known:

    lock                    held (flock) by the supervisor as long as it lives
    work/                   what its programs write; stays from one attempt to the next
    kept/                   an output on its way to where it stays
    done/STEP.json          steps that ended well, so that the next attempt passes over them
    attempts/N/spec.json    what to run
    attempts/N/documents/   what its programs read
    attempts/N/owner.json   the supervisor; nothing of the job has run before it stands there
    attempts/N/log.txt      what the programs print
    attempts/N/events.jsonl what they report
    attempts/N/supervisor.txt  what the supervisor itself failed at, if anything
    attempts/N/address.json where a service listens
    attempts/N/lease        touched as long as somebody wants a service
    attempts/N/stop         somebody wants it to end
    attempts/N/exit.json    how it ended; the only proof that it did

What else there is for an attempt that waits in a queue stands in `cluster.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from ..base.files import make_folder, read_json, write_json
from ..base.locks import try_lock
from ..base.owner import Owner
from ..errors import AgentError
from .spec import Paths, Spec


class Attempt:
    """One try at a job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = int(folder.name)
        self.waits_for = ""
        self.log = folder / "log.txt"
        self.events = folder / "events.jsonl"
        self.documents = folder / "documents"
        self.stop = folder / "stop"
        self.submitting = folder / "submitting"
        self.beat = folder / "beat"
        self.lost = folder / "lost"
        self.lease = folder / "lease"
        self.complaints = folder / "supervisor.txt"
        self._spec = folder / "spec.json"
        self._owner = folder / "owner.json"
        self._exit = folder / "exit.json"
        self._address = folder / "address.json"

    def put(self, spec: Spec) -> None:
        """Keeps what is to be run. As long as nothing has begun, another spec takes its place."""
        make_folder(self.folder)
        write_json(self._spec, spec)

    @property
    def spec(self) -> Spec:
        """What is to be run."""
        spec = read_json(self._spec)
        if spec is None:
            raise AgentError("job/unknown", f"there is no job in {self.folder}")
        return cast("Spec", spec)

    @property
    def owner(self) -> Owner | None:
        """Its supervisor, once there has been one."""
        return cast("Owner | None", read_json(self._owner))

    @property
    def exit(self) -> dict[str, Any] | None:
        """How it ended, once it has."""
        return cast("dict[str, Any] | None", read_json(self._exit))

    @property
    def address(self) -> dict[str, Any] | None:
        """The host and port of a service that has begun."""
        return cast("dict[str, Any] | None", read_json(self._address))

    def listen_at(self, address: dict[str, Any]) -> None:
        """Where the service of this attempt is going to listen."""
        write_json(self._address, address)

    def begin(self, owner: Owner) -> None:
        """From here on something of the job may have run."""
        write_json(self._owner, owner)

    def end(self, record: dict[str, Any]) -> None:
        """The last thing that a supervisor does."""
        write_json(self._exit, record)

    @property
    def batch(self) -> int | None:
        """The id that the queue of a cluster knows it by, once that is known here."""
        known = read_json(self.folder / "batch.json")
        return None if known is None else int(known["id"])

    @property
    def claim(self) -> int | None:
        """The id of the one job of the queue that may run it; 0 when none may any more."""
        claim = read_json(self.folder / "claim.json")
        return None if claim is None else int(claim["id"])

    @property
    def last_round(self) -> dict[str, Any] | None:
        """How the round of its present owner ended; None as long as that may still be running."""
        owner = self.owner
        if owner is None:
            return None
        return cast("dict[str, Any] | None", read_json(self._round(owner)))

    def end_round(self, owner: Owner, record: dict[str, Any]) -> None:
        """A round is over, and the attempt is not."""
        make_folder(self.folder / "rounds")
        write_json(self._round(owner), record)

    def _round(self, owner: Owner) -> Path:
        # With the process: after a crash of the controller the same number can come again.
        return self.folder / "rounds" / f"{owner.get('round', 0)}-{owner['host']}-{owner['pid']}.json"


class JobFolder:
    """A job and all its attempts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.lock = folder / "lock"

    @property
    def is_taken(self) -> bool:
        """Whether a supervisor holds the job."""
        try:
            # Not made: who only looks must not be taken for a sign of life.
            handle = try_lock(self.lock, make=False)
        except FileNotFoundError:
            return False
        if handle is None:
            return True
        os.close(handle)
        return False

    def attempt(self, number: int) -> Attempt:
        """An attempt, whether it has begun or not."""
        return Attempt(self.folder / "attempts" / str(number))

    def paths(self, attempt: Attempt) -> Paths:
        """What the placeholders stand for in this attempt."""
        address = attempt.address
        port = None if address is None else address["port"]
        return Paths(attempt.spec, self.work, attempt.documents, attempt.events, port)

    def step_done(self, name: str) -> Any:  # noqa: ANN401 - what was noted
        """What was noted when a step ended well."""
        return read_json(self.folder / "done" / f"{name}.json")

    def note_done(self, name: str, note: dict[str, Any]) -> None:
        """A step ended well and need not be run again as long as the note says the same."""
        make_folder(self.folder / "done")
        write_json(self.folder / "done" / f"{name}.json", note)
