"""Files that are whole or absent, and their digests."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import TrainerError

PART_BYTES = 64 << 20
GZIP = b"\x1f\x8b"


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """A digest of a file's bytes, for large files: parts of 64 MiB are hashed side by side, and then their digests."""
    parts = range(0, path.stat().st_size, PART_BYTES)
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        digests = pool.map(lambda start: _sha256_part(path, start), parts)
        return hashlib.sha256(b"".join(digests)).hexdigest()


def _sha256_part(path: Path, start: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        left = PART_BYTES
        while left > 0 and (chunk := file.read(min(1 << 20, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.digest()


def sha256_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Hex SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sync(path: Path) -> None:
    """Makes a file's bytes, or a folder's names, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Makes everything below a folder durable, the folder's own names last."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(root, name))
        sync(Path(root))


def write_whole(path: Path, data: bytes | str) -> None:
    """Writes a file so that it holds all of `data` or does not exist: temporary file, fsync, rename."""
    # By chance: processes of several containers, or machines, may have the same number.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with temporary.open("wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Writes one JSON document, whole; the same value always gives the same bytes."""
    write_whole(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def remove(path: Path) -> None:
    """Removes a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """A folder inside `output` to build in; whatever is left there goes away, however the block ends."""
    folder = output / ".partial"
    output.mkdir(parents=True, exist_ok=True)
    remove(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)


def put_in_place(built: Path, final: Path) -> None:
    """Moves a finished file or folder to its final name; a leftover of an earlier run gives way."""
    umask = os.umask(0)
    os.umask(umask)
    for path in [built, *built.rglob("*")]:
        # The weights' writer makes private files; the other files follow the user's mask, and so shall they.
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
    if built.is_dir():
        sync_tree(built)
    else:
        sync(built)
    remove(final)
    built.rename(final)
    sync(final.parent)


def read_json_lines(path: Path, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (line number from 1, object), also of a file that is packed by gzip.

    A line that is no JSON object, and what cannot be unpacked, ends it with `trainer/bad-rows`.
    """
    try:
        with _open_text(path) as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise TrainerError("bad-rows", f"{what}, line {number}: expected a JSON object")
                yield number, value
    except (json.JSONDecodeError, UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TrainerError("bad-rows", f"{what} {path.name} is not JSON Lines: {error}") from error


def _open_text(path: Path) -> IO[str]:
    """Told by its first bytes, whatever its name: a job may call its inputs as it likes."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")
