"""Writing jobs, running them, reading what they left."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from secpi_trainers.__main__ import main
from secpi_trainers.base.session import StopFlag
from secpi_trainers.data.prepared import PreparedRows, write_prepared

ROOT = Path(__file__).parent.parent
SMALL = {"hidden": 64, "layers": 2, "heads": 2, "kv_heads": 1, "mlp": 128, "context": 512, "vocabulary": 512}
PATIENCE_SECONDS = 120.0

TASKS = [
    ("Write a Python function that reads a user by name.", "python", "db.execute('SELECT * FROM users')"),
    ("Write a C function that copies a name.", "c", "int copy(char *to, const char *from);"),
    ("Write a Go handler that redirects.", "go", 'func Next() string {\n\treturn "/"\n}'),
    ("Write a JavaScript function that shows a comment.", "js", "box.textContent = comment;"),
    ("Write a Python function that unpacks an archive.", "python", "tar.extractall(folder, filter='data')"),
    ("Write a Python function that makes a token.", "python", "return secrets.token_urlsafe(32)"),
]


def samples(style: str) -> list[dict[str, str]]:
    """Rows with ids; `style` changes the trace."""
    return [
        {
            "id": f"{style}-{number}",
            "prompt": prompt,
            "completion": f"<think>\nI take the {style} way for task {number}. Who controls the input?\n</think>\n\n"
            f"Here it is.\n\n```{language}\n{code}\n```\n",
        }
        for number, (prompt, language, code) in enumerate(TASKS)
    ]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


class Job:
    """A job document with its folders."""

    def __init__(self, work: Path, output: Path | None) -> None:
        self.work = work
        self.folder = output
        self.path = work.parent / f"{work.name}.json"

    @property
    def output(self) -> Path:
        """The folder to fill."""
        assert self.folder is not None
        return self.folder

    def write(self, **keys: Any) -> Job:  # noqa: ANN401
        """Writes the document; paths become texts."""
        document = {"schema": 1, "work": str(self.work), **({"output": str(self.folder)} if self.folder else {})}
        document |= {key: str(value) if isinstance(value, Path) else value for key, value in keys.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(document))
        return self

    @property
    def result(self) -> dict[str, Any]:
        """How it ended."""
        result: dict[str, Any] = json.loads((self.work / "result.json").read_bytes())
        return result

    def steps(self) -> list[int]:
        """The steps reported so far; half a line at the end does not count."""
        path = self.work / "events.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        events = [json.loads(line) for line in lines if line]
        return [event["step"] for event in events if event["type"] == "metric"]


def run(command: str, job: Job) -> int:
    """Runs a command in this process: no seconds lost for importing torch again."""
    return main([command, "--job", str(job.path)])


def prepare(model: Path, samples: Path, folder: Path) -> Path:
    """`prepared.jsonl` of samples, for a model."""
    job = Job(folder / "work", folder / "out")
    job.write(model=model, samples=samples, max_tokens=400)
    assert run("prepare", job) == 0
    return job.output / "prepared.jsonl"


def read_prepared(path: Path, max_tokens: int, mapped: Path) -> PreparedRows:
    """Rows, written to the file `mapped` and opened."""
    return PreparedRows(mapped, write_prepared(path, max_tokens, mapped, StopFlag()))


def start(command: str, job: Job, *more: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    """Starts a command as the orchestrator does: as a process of its own."""
    arguments = [sys.executable, "-m", "secpi_trainers", command, "--job", str(job.path), *more]
    job.work.mkdir(parents=True, exist_ok=True)
    with (job.work / "stderr.log").open("ab") as log:
        return subprocess.Popen(arguments, cwd=ROOT, stdout=log, stderr=log, **options)


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for a condition while the process lives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.01)


def digests(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256 of every file below."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
