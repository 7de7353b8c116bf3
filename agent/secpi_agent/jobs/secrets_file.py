"""Secrets on their way to a program that is not started by who was given them: in a file that goes once it is read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

from ..base.files import make_folder, write_json
from ..errors import AgentError
from .folder import Attempt


def keep_secrets(attempt: Attempt, secrets: dict[str, str]) -> None:
    """Lays them where the supervisor takes them, readable by nobody else."""
    if secrets:
        write_json(_file(attempt), secrets)


def take_secrets(attempt: Attempt, names: list[str]) -> dict[str, str]:
    """
    Takes them, and the file with them. Throws `job/no-secrets` if one of `names` is not among them.

    That happens where a node died without a word while it had them: they are nowhere else.
    """
    path = _file(attempt)
    try:
        found: dict[str, str] = json.loads(path.read_bytes())
        path.unlink()
    except FileNotFoundError:
        found = {}
    missing = [name for name in names if name not in found]
    if missing:
        raise AgentError("job/no-secrets", f"{missing[0]} did not reach the job", "Run the same command again.")
    return found


def _file(attempt: Attempt) -> Path:
    return attempt.folder / "secrets.json"


def write_for_shell(folder: Path, secrets: dict[str, str]) -> Path:
    """
    A file that a shell reads, in a folder of its own that a container gets: what stands in a container's settings can
    be read by everybody who may look at it.
    """
    make_folder(folder)
    path = folder / "environment"
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in secrets.items())
    return path


def forget_all(attempt: Attempt) -> None:
    """Removes what is left of them: whoever sees that an attempt is over, or never begins, does."""
    shutil.rmtree(attempt.folder / "secrets", ignore_errors=True)
    for path in (_file(attempt), attempt.folder / "node.json"):
        path.unlink(missing_ok=True)
