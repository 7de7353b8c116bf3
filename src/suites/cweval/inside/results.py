"""What became of each case of a test file."""

import json
from pathlib import Path
from typing import Any

#: The marks of CWEval's tests, and what they are called here.
KINDS = {"functionality": "functional", "security": "security"}
OUT_OF_TIME = "ran out of time"


class Results:
    """The cases by a key of their own, and what became of them."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, Any]] = {}

    def add(self, key: str, test: str, kind: str) -> None:
        """A case that is going to be run."""
        self.cases[key] = {"test": test, "kind": kind, "passed": False, "why": "did not run"}

    def passed(self, key: str) -> None:
        """It came to its end."""
        if key in self.cases:
            self.cases[key].update(passed=True, why="")

    def explain(self, key: str, why: str) -> None:
        """Why it failed, unless it has passed before."""
        if key in self.cases and not self.cases[key]["passed"]:
            self.cases[key]["why"] = why

    def write(self, path: str, ended: bool, broken: bool) -> None:
        """As JSON."""
        with Path(path).open("w", encoding="utf-8") as file:
            file.write(json.dumps({"ended": ended, "broken": broken, "cases": list(self.cases.values())}))


def reason(kind: type, error: Any) -> str:
    """In words that are the same each time the same code fails the same way."""
    name = kind.__name__
    if name in ("TimeoutError", "TimedOut") or (name == "Failed" and str(error).startswith("Timeout")):
        return OUT_OF_TIME
    if name == "AssertionError":
        return "another result than expected"
    if name == "CalledProcessError":
        return "the program fails"
    return "raises " + (name[:60] if name.isidentifier() else "an error")
