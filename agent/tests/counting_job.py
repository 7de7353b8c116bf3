"""A job that counts its own runs, and the agent that is asked about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parent.parent / "secpi_agent"


class Job:
    """Its program appends a line to a file each time that it runs: that count is not ours to get wrong."""

    def __init__(self, folder: Path, script: str = "", grace: float = 5) -> None:
        self.folder = folder / "job"
        self.runs = folder / "runs"
        self.key = f"test-{folder.name}-{os.getpid()}"
        self.spec: dict[str, Any] = {
            "schema": 1,
            "key": self.key,
            "secrets": [],
            "container": None,
            "steps": [self.step("only", f'echo "{{events}}" >>"{self.runs}"; echo made >"{{work}}/made"; {script}')],
            "env": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
            "inherit": [],
            "inputs": {},
            "outputs": [{"name": "made", "kind": "file", "path": "{work}/made"}],
            "grace_seconds": grace,
            "service": None,
        }

    @staticmethod
    def step(name: str, script: str) -> dict[str, Any]:
        """A step that is a line for a shell."""
        return {"name": name, "launch": "one", "argv": ["sh", "-c", script], "env": {}, "documents": {}, "result": None}

    def request(self, attempt: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """What most commands want to know."""
        return {"folder": str(self.folder), "attempt": attempt, **more}

    def start_request(self, attempt: int = 1) -> dict[str, Any]:
        """What `start` wants to know."""
        return self.request(attempt, spec=self.spec, secrets={}, attached=False, launcher=None)

    def start(self, attempt: int = 1) -> dict[str, Any]:
        """Starts it; what was said last."""
        return ask("start", self.start_request(attempt))[-1]

    def follow(self, attempt: int = 1, **offsets: int) -> list[dict[str, Any]]:
        """Follows it to its end; all that was said."""
        return ask("follow", self.request(attempt, offsets=offsets))

    def end(self, attempt: int = 1) -> dict[str, Any]:
        """Follows it to its end: its exit record, empty when it is lost."""
        exited: dict[str, Any] = self.follow(attempt)[-1].get("exit", {})
        return exited

    def cancel(self, attempt: int = 1) -> None:
        """Asks it to stop."""
        ask("cancel", self.request(attempt))

    @property
    def ran(self) -> list[int]:
        """The attempt's number for each time that it ran."""
        lines = self.runs.read_text().splitlines() if self.runs.exists() else []
        return [int(Path(line).parent.name) for line in lines]

    def log(self, attempt: int = 1) -> str:
        """What it has printed."""
        log = self.folder / "attempts" / str(attempt) / "log.txt"
        return log.read_text() if log.exists() else ""

    def await_log(self, text: str, attempt: int = 1) -> None:
        """Waits until it has printed this."""
        deadline = time.monotonic() + 30
        while text not in self.log(attempt):
            assert time.monotonic() < deadline, self.log(attempt)
            time.sleep(0.02)


def ask(command: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Asks the agent, in a process of its own; its lines."""
    argv = [sys.executable, "-I", str(AGENT), command]
    done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
