"""Reads what `child.py` wrote down of an answer. The answer may have written some of it itself."""

import gzip
import json
from typing import Any


def lines_in(path: str) -> list[Any]:
    """What the lines say, up to where the file is whole; last `gone` if it is not."""
    lines: list[Any] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            for line in file:
                lines.append(parsed(line))
    except (OSError, EOFError):
        # What ended the answer's process ended the one that wrote this, too.
        lines.append("gone")
    return lines


def parsed(line: str) -> Any:
    """What the line says; `gone` if nobody can read it."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return "gone"


def word(name: Any) -> str:
    """The name of an error, so that nothing else can stand in a verdict."""
    return name[:60] if isinstance(name, str) and name.isidentifier() else "an error"
