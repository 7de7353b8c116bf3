"""What a job has made: names, sizes and digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base.files import sync
from .spec import Output

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_of(path: Path) -> Iterator[Path]:
    """A file itself, or every file below a folder, in the order of their paths."""
    if not path.is_dir():
        yield path
        return
    for root, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield Path(root, name)


def describe(output: Output) -> dict[str, Any]:
    """One output with its files. Throws `FileNotFoundError` if there is none, `ValueError` if it is something else."""
    path = Path(output["path"])
    if path.is_symlink() or path.is_dir() != (output["kind"] == "tree"):
        if not path.exists():
            raise FileNotFoundError(str(path))
        raise ValueError(f"{path} is no {output['kind']}")
    files = []
    for file in files_of(path):
        if file.is_symlink() or not file.is_file():
            raise ValueError(f"{file} is neither file nor folder")
        # What is named in the record of a job that ended well outlasts a power cut.
        sync(file)
        name = "" if file == path else file.relative_to(path).as_posix()
        files.append({"path": name, "bytes": file.stat().st_size, "sha256": sha256_of(file)})
    return {"name": output["name"], "kind": output["kind"], "path": str(path), "files": files}
