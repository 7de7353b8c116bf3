"""
Files as a plain stream of their bytes, in an order that both ends know: for machines without rsync.

No archive: one that is cut off between two members unpacks without a complaint, and one from another machine may name
any path and any link. Here both ends know names and sizes beforehand, and what arrived is held against its digests.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ..base.files import make_folder
from ..base.locks import alone
from ..errors import AgentError
from ..jobs.outputs import files_of
from ..jobs.spec import at_home
from .inputs import Wanted, is_whole, take

_CHUNK = 1 << 20
_SILENCE_SECONDS = 60.0
CUT_OFF = 3
"""What `send` exits with when it failed in the middle of the bytes, where no line of JSON can be said any more."""


def send(request: dict[str, Any], say: Callable[[dict[str, Any]], None], to: BinaryIO) -> None:
    """
    Says `sending`, and from there on nothing but bytes: those of each of `files` from its `offset` on up to `bytes`.

    `path` is a folder that they lie below, or, for one with an empty name, the file itself.
    """
    root = at_home(request["path"])
    files = [
        (root / file["path"] if file["path"] else root, file["offset"], file["bytes"]) for file in request["files"]
    ]
    for path, _, size in files:
        if path.is_symlink() or not path.is_file() or path.stat().st_size != size:
            raise AgentError("job/bad-transfer", f"{path} is not what it was when the job ended")
    say({"type": "sending"})
    try:
        for path, offset, size in files:
            with path.open("rb") as file:
                file.seek(offset)
                left = size - offset
                while left > 0 and (data := file.read(min(left, _CHUNK))):
                    to.write(data)
                    left -= len(data)
                if left > 0:
                    sys.exit(CUT_OFF)
        to.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CUT_OFF)


def receive(wanted: Wanted, say: Callable[[dict[str, Any]], None], source: int) -> None:
    """
    Says `has`, with how much of each file is here from an earlier try, reads the rest of them, and takes them.

    Who brings the same at the same time is waited for; it has a minute for each sign of life.
    """
    partial, final, files = at_home(wanted["partial"]), at_home(wanted["final"]), wanted["files"]
    make_folder(final.parent)
    lock = partial.with_name(f"{partial.name}.lock")
    with alone(lock):
        here = is_whole(final, files)
        kept = {file["path"]: file["bytes"] for file in files} if here else _kept(partial, files)
        say({"type": "has", "bytes": [kept[file["path"]] for file in files]})
        for file in [] if here else files:
            _append(partial / file["path"], file["bytes"] - kept[file["path"]], source)
        take(wanted)
        # From here on it does not matter who waits for this one, and who makes another.
        lock.unlink(missing_ok=True)


def _kept(partial: Path, files: list[Any]) -> dict[str, int]:
    """How much of each file an earlier try has left; whatever else is there is removed."""
    make_folder(partial)
    expected = {partial / file["path"]: file["bytes"] for file in files}
    for path in [path for path in files_of(partial) if path != partial]:
        if path.is_symlink() or path.stat().st_size > expected.get(path, -1):
            path.unlink()
    for path in expected:
        if path.is_dir():
            shutil.rmtree(path)
    return {file["path"]: _size(partial / file["path"]) for file in files}


def _size(path: Path) -> int:
    """Bytes of a file; none where there is none."""
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, count: int, source: int) -> None:
    make_folder(path.parent)
    with path.open("ab") as file:
        while count > 0:
            ready, _, _ = select.select([source], [], [], _SILENCE_SECONDS)
            data = os.read(source, min(count, _CHUNK)) if ready else b""
            if not data:
                message = f"what was to arrive ended {count} bytes before the end of {path.name}"
                raise AgentError("job/bad-transfer", message, "Run the same command again: it goes on from there.")
            try:
                file.write(data)
                file.flush()
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error
            count -= len(data)
