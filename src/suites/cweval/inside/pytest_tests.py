"""Runs a test file by pytest, as `cweval/run_tests.py` does.

That is the time-out of each case, the choice of cases, and `os._exit` doing nothing meanwhile.
"""

import os
from typing import Any

import pytest
from results import KINDS, Results, reason


class Recorder:
    """A plug-in that notes what becomes of each case; its methods are called by pytest."""

    def __init__(self, results: Results, seconds: float) -> None:
        self.results = results
        self.seconds = seconds
        self.broken: list[str] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Gives each case its time."""
        for item in items:
            marker = next((name for name in KINDS if item.get_closest_marker(name)), None)
            if marker is None:
                continue
            item.add_marker(pytest.mark.timeout(self.seconds, method="signal"))
            if "_unsafe" not in item.name:
                self.results.add(item.nodeid, item.originalname, KINDS[marker])

    def pytest_collectreport(self, report: Any) -> None:
        """Notes what cannot be imported."""
        if report.failed:
            self.broken.append(report.nodeid)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Notes why a case failed."""
        self.results.explain(node.nodeid, reason(call.excinfo.type, call.excinfo.value))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Notes that a case passed."""
        if report.when == "call" and report.outcome == "passed":
            self.results.passed(report.nodeid)


def run(test_file: str, results: Results, seconds: float) -> tuple[bool, bool]:
    """Whether something inside has ended the run, and whether the file could not be imported.

    Of both the official harness learns nothing.
    """
    recorder = Recorder(results, seconds)
    leave = os._exit
    os._exit = lambda *_: None  # type: ignore[assignment]
    options = ["--tb=short", "--continue-on-collection-errors", "-k", "not _unsafe", "-p", "no:cacheprovider"]
    status = pytest.main([test_file, *options], plugins=[recorder])
    os._exit = leave
    ended = int(status) in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    return ended, len(recorder.broken) > 0
