"""Several processes of one training on this machine, started and watched by torch's elastic launcher.

Whoever launches them holds the lock of `work`, and alone writes the result: a process that was killed cannot say so.
Each process leaves what it has to say in a folder of its own. On each further machine of the training there is a
launcher too, which leaves what it saw for the first one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import StoppedError, TrainerError
from ...base.files import write_json
from ...base.memory import OutOfMemoryWatch
from ...base.rank import LAUNCHER, folder_of
from ...base.session import Session, StopFlag, failure

if TYPE_CHECKING:
    # Torch takes seconds to load, and most commands launch nothing.
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

RANK_LOST = "trainer/rank-lost"
"""What a process says that has lost another one: never the reason of anything."""
_GONE = "another process of this training is gone"

_HEAR_SECONDS = 10.0
"""What another machine has written shows up that late."""
_LOOK_SECONDS = 0.1
_KILL_SECONDS = 30
"""After which torch's launcher kills what has not heeded SIGTERM."""


@dataclass(frozen=True)
class Launch:
    """`per_node` processes on each of `nodes` machines, of which this is the number `node`; they meet at `address`."""

    per_node: int
    nodes: int = 1
    node: int = 0
    address: str = ""

    @property
    def world(self) -> int:
        """How many there are in all."""
        return self.per_node * self.nodes

    @property
    def here(self) -> range:
        """Those on this machine."""
        return range(self.node * self.per_node, (self.node + 1) * self.per_node)


def run_first(launch: Launch, job: Path, work: Path, threads: int, stop: StopFlag) -> dict[str, Any]:
    """Runs all processes to their end: the facts of the first one. Throws what went wrong first, or `StoppedError`."""
    _clear(work)
    problem = _run(launch, job, work, threads, stop)
    first = _said(work, 0)
    if first is not None and first["outcome"] == "done":
        return {name: value for name, value in first.items() if name not in _OF_EVERY_RESULT}
    stopped = stop.is_set or (first is not None and first["outcome"] == "stopped")
    problem = problem or _real_failure(launch, work)
    if problem is None and launch.nodes > 1 and not (first is not None and first["outcome"] == "stopped"):
        problem = _heard_of_others(launch, work)
    if problem is not None:
        raise problem
    if stopped:
        raise StoppedError(None if first is None else first.get("checkpoint"))
    said = "a process of this training went away, and nobody has said why"
    words = _first_words_of_loss(launch, work)
    raise TrainerError("rank-lost", said if words is None else f"{said}; the first words about it: {words}")


def run_further(launch: Launch, job: Path, work: Path, threads: int, stop: StopFlag) -> None:
    """The same on a further machine: the first one's launcher is left what was seen here. Throws likewise."""
    for number in launch.here:
        # Of an earlier launch: by now it may be anybody's.
        (folder_of(work, number) / "pid").unlink(missing_ok=True)
    problem = _run(launch, job, work, threads, stop)
    if problem is not None:
        write_json(_seen(work, launch.node), failure(problem))
        raise problem
    said = [_said(work, number) for number in launch.here]
    if stop.is_set or any(result is not None and result["outcome"] == "stopped" for result in said):
        raise StoppedError
    if any(result is None or result["outcome"] != "done" for result in said):
        # Who has said why is heard on the first machine; here it was no stop in any case.
        raise TrainerError("rank-lost", "the training ended on another machine")


_OF_EVERY_RESULT = ("schema", "command", "outcome", "seconds", "tools")


def _run(launch: Launch, job: Path, work: Path, threads: int, stop: StopFlag) -> TrainerError | None:
    """Starts them and waits: what has killed one of this machine, or why one of them failed."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from .meeting import MEETING

    config = LaunchConfig(
        min_nodes=launch.nodes,
        max_nodes=launch.nodes,
        nproc_per_node=launch.per_node,
        run_id="secpi",
        # On a single one the port is taken when it is found.
        rdzv_backend="c10d" if launch.nodes == 1 else MEETING,
        rdzv_endpoint="127.0.0.1:0" if launch.nodes == 1 else launch.address,
        rdzv_configs={} if launch.nodes == 1 else {"node": launch.node, "stop": stop},
        local_addr="127.0.0.1" if launch.nodes == 1 else None,
        max_restarts=0,
        monitor_interval=_LOOK_SECONDS,
        # Those that stop us are ours to pass on: the launcher would kill after 30 s what is still saving.
        signals_to_handle="SIGQUIT",
    )
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // launch.per_node))
    memory = OutOfMemoryWatch()
    arguments = ["-m", "secpi_trainers", "train", "--job", str(job)]
    try:
        with _passing_on(stop, launch, work):
            elastic_launch(config, sys.executable)(*arguments)
    except ChildFailedError as error:
        return _real_failure(launch, work) or _killed(launch, work, by_themselves(error.failures), stop, memory)
    return None


@contextmanager
def _passing_on(stop: StopFlag, launch: Launch, work: Path) -> Iterator[None]:
    """Tells the processes of this machine to stop as soon as we are told, and they can hear it."""
    over = threading.Event()

    def watch() -> None:
        left = set(launch.here)
        while left and not over.wait(_LOOK_SECONDS):
            for number in left.copy() if stop.is_set else ():
                with suppress(OSError, ValueError):
                    os.kill(int((folder_of(work, number) / "pid").read_text()), signal.SIGTERM)
                    left.discard(number)

    watcher = threading.Thread(target=watch, name="passing-on", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _clear(work: Path) -> None:
    """Takes away what processes of earlier launches have said; their logs stay."""
    for path in (work / "ranks").glob("**/*"):
        if path.is_file() and path.name != "log.txt":
            path.unlink()


def _said(work: Path, number: int) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads((folder_of(work, number) / "result.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return said


def _seen(work: Path, node: int) -> Path:
    return work / "ranks" / f"node-{node}.json"


def _real_failure(launch: Launch, work: Path) -> TrainerError | None:
    """What a process says that failed for a reason of its own."""
    for number in range(launch.world):
        said = _said(work, number)
        if said is not None and said["outcome"] == "failed" and said["code"] != RANK_LOST:
            return _error(said)
    return None


def lost(words: str | None) -> TrainerError:
    """What a process says that has lost another one, with what it was told about that, if anything."""
    return TrainerError(RANK_LOST.removeprefix("trainer/"), _GONE if words is None else f"{_GONE}: {words}")


def _first_words_of_loss(launch: Launch, work: Path) -> str | None:
    """Of those who were told anything about the loss, what the first one was told."""
    told: list[tuple[int, str]] = []
    for number in range(launch.world):
        said = _said(work, number)
        if said is not None and said.get("code") == RANK_LOST and said["message"] != _GONE:
            when = (folder_of(work, number) / "result.json").stat().st_mtime_ns
            told.append((when, f"{said['message'].removeprefix(_GONE + ': ')} (process {number})"))
    return min(told)[1] if told else None


def _error(said: dict[str, Any]) -> TrainerError:
    return TrainerError(said["code"].removeprefix("trainer/"), said["message"], said.get("hint"))


def by_themselves(failures: Mapping[int, ProcessFailure]) -> dict[int, int]:
    """How those ended, in the order in which they were seen to end, that torch's launcher has not ended itself.

    When it has seen one end it sends SIGTERM to the others, and half a minute later SIGKILL.
    """
    first = next(iter(failures.values()))
    killed_after = first.timestamp + _KILL_SECONDS - 1
    own = {
        number
        for number, seen in failures.items()
        if seen is not first
        and (seen.exitcode == -signal.SIGTERM or (seen.exitcode == -signal.SIGKILL and seen.timestamp >= killed_after))
    }
    return {number: seen.exitcode for number, seen in failures.items() if number not in own}


def _killed(
    launch: Launch, work: Path, failed: dict[int, int], stop: StopFlag, memory: OutOfMemoryWatch
) -> TrainerError | None:
    """The first process that is gone without a word. The others were ended because of it, or in vain waited for it."""
    for number, code in failed.items():
        if _said(work, number) is not None or (code == -signal.SIGTERM and stop.is_set):
            continue
        return _gone(launch, number, code, memory.hint() if code == -signal.SIGKILL else None)
    return None


def _gone(launch: Launch, number: int, code: int, hint: str | None) -> TrainerError:
    how = f"was ended by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with {code}"
    where = f" (machine {launch.node} of {launch.nodes})" if launch.nodes > 1 else ""
    message = f"process {number} of {launch.world}{where} {how}, and with it all others"
    return TrainerError("rank-died", message, hint or f"what it printed stands in ranks/{number}/log.txt of its folder")


def _heard_of_others(launch: Launch, work: Path) -> TrainerError | None:
    """What the launchers of the other machines have seen."""
    deadline = time.monotonic() + _HEAR_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            list((work / "ranks").iterdir())
        for node in range(1, launch.nodes):
            with suppress(FileNotFoundError, ValueError):
                return _error(json.loads(_seen(work, node).read_bytes()))
        time.sleep(_LOOK_SECONDS)
    return None


def await_first(session: Session) -> None:
    """Lets the first process end first: it may be hashing, and whoever ends while it does so takes nobody along."""
    result = folder_of(session.work, 0) / "result.json"
    while not session.rank.is_first and not result.exists():
        # Listing a folder makes a network file system look again.
        with suppress(OSError):
            list(result.parent.iterdir())
        time.sleep(_LOOK_SECONDS)
