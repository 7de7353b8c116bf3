"""Files that are whole or absent."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any


def sync(path: Path) -> None:
    """Makes a file's bytes, or a folder's names, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Makes a private folder, and those above it that are missing, durable."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)


def aside_of(folder: Path) -> Path:
    """What a folder that is to go is called until it is gone."""
    return folder.with_name(f".{folder.name.lstrip('.')}.removed")


def set_aside(folder: Path) -> Path:
    """Gives a folder that is to go another name first: half of it is never taken for all of it. The new name."""
    gone = aside_of(folder)
    shutil.rmtree(gone, ignore_errors=True)
    return folder.rename(gone)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Writes one JSON document so that a reader finds all of it or what was there before, also after a power cut."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # Not from the pid: in two containers that share a folder it is often the same.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def create_json(path: Path, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Writes a document that nobody else writes after that: whoever is first. False when there is one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_json(draft, value)
    try:
        # A link is made or not on every file system, network ones too, which exclusive opening is not.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
    return True


_MOST_BYTES = 1 << 24


def read_result(path: Path) -> Any:  # noqa: ANN401 - whatever a program wrote
    """
    The document that a program has left, or None where there is none. Throws `OSError` for what is no plain file.

    Programs may be told to do harm: a link would show what stands elsewhere, and a pipe would keep us waiting for ever.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no plain file", str(path))
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise OSError(errno.EFBIG, "is too large", str(path))
    return json.loads(text)


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever stands in it
    """The document in a file, or None where there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
