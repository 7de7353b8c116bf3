"""
What lies below the root of a target, and what of it nobody needs any more.

Nothing goes that was touched within the time that is asked for, no input of a job that may still run, no job that
somebody says is known, and nothing that stays here for somebody else, or that its owner says is wanted. Whatever goes
is called otherwise first: half of it is never taken for all of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISDIR
from typing import Any, NamedTuple, TypedDict

from ..base.files import read_json, set_aside
from ..base.locks import alone, try_lock
from ..errors import AgentError
from ..jobs.folder import JobFolder
from ..jobs.release import release
from ..jobs.spec import at_home
from ..jobs.state import state_of
from .inputs import in_use_lock
from .keep import owners_of

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEFT_OVER = re.compile(r"\.(partial|partial\.lock|removed)$")
"""What whoever was cut off leaves: half of an upload, its lock, half of a removal."""


class Request(TypedDict):
    """
    `jobs` and `kept` are the names of those that the one who asks, who is `owner`, knows and wants.

    `remove` says whether anything goes.
    """

    root: str
    jobs: list[str]
    kept: list[str]
    owner: str
    unused_seconds: float
    remove: bool


class Item(NamedTuple):
    """One thing that may go. `remove` takes it away, and says whether it went."""

    kind: str
    path: Path
    garbage: bool
    remove: Callable[[Path, float], bool]


def clear(request: Request, say: Callable[[dict[str, Any]], None]) -> None:
    """Says `stored` for each thing that is there; with `remove`, garbage goes."""
    root = at_home(request["root"])
    before = time.time() - request["unused_seconds"]
    over = {folder for folder in _job_folders(root) if _is_over(folder)}
    jobs = _jobs(root, over - {root / "jobs" / name for name in request["jobs"]}, before)
    for item in [*jobs, *_inputs(root, over, before, request), *_others(root, over, before)]:
        size = sum(stat.st_size for stat in _all_of(item.path) if not S_ISDIR(stat.st_mode))
        removed = item.garbage and request["remove"] and item.remove(item.path, before)
        said = {"kind": item.kind, "name": item.path.name, "bytes": size, "garbage": item.garbage, "removed": removed}
        say({"type": "stored", **said})


def _jobs(root: Path, forgotten: set[Path], before: float) -> Iterator[Item]:
    for folder in _job_folders(root):
        yield Item("jobs", folder, folder in forgotten and _changed_at(folder) < before, _remove_job)


def _inputs(root: Path, over: set[Path], before: float, request: Request) -> Iterator[Item]:
    used = _inputs_in_use(root, over) | set(request["kept"])
    for folder in _folders(root / "inputs"):
        if _DIGEST.fullmatch(folder.name):
            owners = owners_of(folder)
            old = folder.name not in used and folder.stat().st_mtime < before
            # What was brought can be brought again; of what was made here there may be no other.
            garbage = old and owners <= {request["owner"]}
            yield Item("kept" if owners else "inputs", folder, garbage, _remove_input)


def _others(root: Path, over: set[Path], before: float) -> Iterator[Item]:
    # The one that speaks here is in use, however old it is.
    own = Path(__file__).resolve().parents[2]
    # A job that waits in a queue is run by the agent that submitted it.
    all_over = over.issuperset(_job_folders(root))
    for folder in _folders(root / "agent"):
        old = all_over and folder.resolve() != own and _changed_at(folder) < before
        yield Item("agents", folder, old, _remove)
    for path in [*sorted((root / "jobs").glob(".*")), *sorted((root / "inputs").glob(".*"))]:
        if _LEFT_OVER.search(path.name):
            yield Item("leftovers", path, _changed_at(path) < before, _remove)


def _job_folders(root: Path) -> list[Path]:
    return [folder for folder in _folders(root / "jobs") if not folder.name.startswith(".")]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir() and not path.is_symlink())


def _is_over(folder: Path) -> bool:
    """Whether nothing of the job runs, for certain; what another host has begun cannot be judged here."""
    job = JobFolder(folder)
    try:
        states = [state_of(job.attempt(int(path.name)))["state"] for path in (folder / "attempts").glob("*")]
    except AgentError:
        return False
    return not job.is_taken and all(state in ("new", "exited", "lost") for state in states)


def _inputs_in_use(root: Path, over: set[Path]) -> set[str]:
    """Names of the inputs of all jobs that have not been seen to be over."""
    used: set[str] = set()
    for folder in _job_folders(root):
        if folder in over:
            continue
        for path in (folder / "attempts").glob("*/spec.json"):
            spec = read_json(path)
            places = [] if spec is None else spec["inputs"].values()
            used |= {part for place in places for part in Path(place).parts if _DIGEST.fullmatch(part)}
    return used


def _remove_input(folder: Path, before: float) -> bool:
    """Takes an input away, unless somebody was told a moment ago that it is here."""
    with alone(in_use_lock(folder.parent)):
        if folder.stat().st_mtime >= before:
            return False
        gone = set_aside(folder)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def _remove_job(folder: Path, _before: float) -> bool:
    """Takes a job away, unless it is being begun."""
    handle = try_lock(folder / "lock")
    if handle is None:
        return False
    try:
        release(folder)
    except AgentError:
        return False
    finally:
        os.close(handle)
    return True


def _remove(path: Path, before: float) -> bool:
    if _changed_at(path) >= before:
        return False
    if path.is_dir():
        shutil.rmtree(path if path.name.endswith(".removed") else set_aside(path), ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return True


def _all_of(path: Path) -> Iterator[os.stat_result]:
    """A file or a folder, and all below it; what goes meanwhile is passed over."""
    with contextlib.suppress(FileNotFoundError):
        yield path.lstat()
    for root, folders, names in os.walk(path):
        for name in [*folders, *names]:
            with contextlib.suppress(FileNotFoundError):
                yield Path(root, name).lstat()


def _changed_at(path: Path) -> float:
    """When anything of it was last written. Not by the times that files were given: those may be from elsewhere."""
    return max((stat.st_ctime for stat in _all_of(path)), default=0.0)
