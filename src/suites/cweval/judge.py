"""Runs one test file as CWEval's own harness does, and writes down what became of each of its cases.

    python judge.py TEST_FILE RESULT_FILE SECONDS [--stop-early]

What decides verdicts follows `cweval/run_tests.py`: the time-out of each case, the choice of cases, and `os._exit`
doing nothing meanwhile. With `--stop-early` a failed case ends those of its kind, whose verdict is then known.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

KINDS = {"functionality": "functional", "security": "security"}
OUT_OF_TIME = "ran out of time"


class Recorder:
    """A plugin of pytest that keeps what becomes of each case. Its methods are hooks, which pytest calls."""

    def __init__(self, seconds: float, stop_early: bool) -> None:
        self.seconds = seconds
        self.stop_early = stop_early
        self.cases: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()
        self.broken: list[str] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Gives each case its seconds, and takes down those that count."""
        for item in items:
            marker = next((name for name in KINDS if item.get_closest_marker(name)), None)
            if marker is None:
                continue
            item.add_marker(pytest.mark.timeout(self.seconds, method="signal"))
            if "_unsafe" not in item.name:
                self.cases[item.nodeid] = {
                    "test": item.originalname,
                    "kind": KINDS[marker],
                    "passed": False,
                    "why": "did not run",
                }

    def pytest_collectreport(self, report: Any) -> None:
        """Takes down what cannot be imported."""
        if report.failed:
            self.broken.append(report.nodeid)

    def pytest_runtest_protocol(self, item: Any) -> bool | None:
        """True, which leaves the case out, where the verdict is known already."""
        case = self.cases.get(item.nodeid)
        return True if self.stop_early and case is not None and case["kind"] in self.failed else None

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Takes down why a case fails."""
        case = self.cases.get(node.nodeid)
        if case is not None:
            case["why"] = reason(call.excinfo)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Takes down whether a case passed: it is the call that counts."""
        case = self.cases.get(report.nodeid)
        if case is None:
            return
        if report.when == "call":
            case["passed"] = report.outcome == "passed"
            if case["passed"]:
                case["why"] = ""
        if report.outcome != "passed":
            self.failed.add(case["kind"])


def reason(error: Any) -> str:
    """In words that are the same each time the same code fails the same way."""
    name = error.type.__name__
    if name == "TimeoutError" or (name == "Failed" and str(error.value).startswith("Timeout")):
        return OUT_OF_TIME
    if name == "AssertionError":
        return "another result than expected"
    if name == "CalledProcessError":
        return "the program fails"
    return "raises " + (name[:60] if name.isidentifier() else "an error")


def main(test_file: str, result_file: str, seconds: float, stop_early: bool) -> None:
    """`seconds` are those of each case."""
    recorder = Recorder(seconds, stop_early)
    leave = os._exit
    os._exit = lambda *_: None  # type: ignore[assignment]
    options = ["--tb=short", "--continue-on-collection-errors", "-k", "not _unsafe", "-p", "no:cacheprovider"]
    status = pytest.main([test_file, *options], plugins=[recorder])
    os._exit = leave
    # Of a run that something inside ended, the official harness learns nothing; neither does it of a file that it
    # cannot import.
    ended = int(status) in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    text = json.dumps({"ended": ended, "broken": len(recorder.broken) > 0, "cases": list(recorder.cases.values())})
    with Path(result_file).open("w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), "--stop-early" in sys.argv[4:])
