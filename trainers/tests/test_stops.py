"""A signal is heard within moments wherever it comes, and what is said to be saved then is what is gone on from."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import DistError, TCPStore

from secpi_trainers.base.rank import Rank
from secpi_trainers.base.session import Session
from secpi_trainers.models.checkpoints import checkpoints
from secpi_trainers.models.loading import load_model
from secpi_trainers.training.ranks.once import folder_of_machine
from secpi_trainers.training.watched.evaluation import HeldOut

from .support import PATIENCE_SECONDS, Job, digests, run, start, wait_until
from .test_ranks import FULL, LORA, NO_BETTER, ROWS, facts, job_in, measured, smallest  # noqa: F401 - a fixture

# pytest finds fixtures by the names of arguments.
# ruff: noqa: F811

EVALUATED: dict[str, Any] = {"steps": 4, "evaluate_every_steps": 2, "save_every_steps": 3}


def evaluated_job(folder: Path, smallest: tuple[Path, Path], **keys: Any) -> Job:  # noqa: ANN401
    return job_in(folder, smallest, **{"holdout": smallest[1], **EVALUATED, **keys})


uninterrupted: dict[str, Job] = {}


@pytest.mark.parametrize(
    ("keys", "call", "saved"),
    [
        pytest.param(LORA, 3, 2, id="in the middle"),
        pytest.param(LORA, ROWS + 3, 4, id="at the last step"),
        pytest.param(LORA | NO_BETTER, ROWS + 3, 4, id="where it ends early"),
        # Of the last checkpoint the model is loaded, and not prepared for training: it has to compute as it was.
        pytest.param(FULL | {"evaluate_every_steps": None, "dtype": "bfloat16"}, 3, 4, id="at the end alone"),
    ],
)
def test_an_evaluation_is_broken_off_and_made_up_for(
    smallest: tuple[Path, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, Any],
    call: int,
    saved: int,
) -> None:
    name = "-".join(map(str, keys.values()))
    if name not in uninterrupted:
        uninterrupted[name] = evaluated_job(tmp_path_factory.mktemp("whole"), smallest, **keys)
        assert run("train", uninterrupted[name]) == 0
    whole = uninterrupted[name]
    job = evaluated_job(tmp_path / "stopped", smallest, **keys)
    loss, calls = HeldOut._loss, 0

    def counted(*arguments: Any) -> float:  # noqa: ANN401
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(HeldOut, "_loss", counted)
        assert run("train", job) == 75
    # It was the last row that was looked at.
    assert calls == call
    assert job.result["checkpoint"] == saved
    assert run("train", job) == 0
    assert job.result["resumed_from"] == saved
    assert digests(job.output) == digests(whole.output)
    assert facts(job.result) == facts(whole.result)
    assert measured(job) == measured(whole)


def saved_by_a_signal(job: Job, at_step: int) -> None:
    """Leaves the checkpoint of that step."""
    event = Session.event

    def watched(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
        event(session, kind, **values)
        if kind == "metric" and values["step"] == at_step - 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "event", watched)
        assert run("train", job) == 75
    assert job.result["checkpoint"] == at_step


def test_stopped_while_the_model_loads_it_says_what_is_saved(
    smallest: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in(tmp_path, smallest, **LORA)

    def told(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        os.kill(os.getpid(), signal.SIGTERM)
        return load_model(*arguments, **options)

    def stopped_while_loading() -> int | None:
        with monkeypatch.context() as patch:
            patch.setattr("secpi_trainers.training.backends.load_model", told)
            assert run("train", job) == 75
        saved: int | None = job.result["checkpoint"]
        return saved

    assert stopped_while_loading() is None
    saved_by_a_signal(job, 3)
    assert [checkpoint.step for checkpoint in checkpoints(job.work / "checkpoints")] == [3, 2]
    assert stopped_while_loading() == 3
    # What is cut, or belongs to another job, is not gone on from.
    os.truncate(job.work / "checkpoints" / "checkpoint-3" / "optimizer.pt", 10)
    assert stopped_while_loading() == 2
    job.path.write_text(json.dumps(json.loads(job.path.read_text()) | {"seed": 1}))
    assert stopped_while_loading() is None


def test_machines_that_wait_for_others_hear_it(smallest: tuple[Path, Path], tmp_path: Path) -> None:
    job = job_in(tmp_path, smallest, **LORA)
    saved_by_a_signal(job, 2)
    with socket.socket() as free, socket.socket() as other:
        for each in (free, other):
            each.bind(("127.0.0.1", 0))
        port, nobody = free.getsockname()[1], other.getsockname()[1]

    def machine(node: int, at: int) -> subprocess.Popen[bytes]:
        return start("train", job, "--nodes", "3", "--node", str(node), "--meet", f"127.0.0.1:{at}")

    def here() -> bool:
        with suppress(DistError):
            store = TCPStore("127.0.0.1", port, is_master=False, timeout=timedelta(seconds=1), wait_for_workers=False)
            return bool(store.add("here", 0) == 2)
        return False

    first, second, astray = machine(0, port), machine(1, port), machine(2, nobody)
    wait_until(here, first)
    # One that is told takes the others along; one that nobody has heard of yet goes by itself.
    first.send_signal(signal.SIGTERM)
    astray.send_signal(signal.SIGTERM)
    assert [each.wait(PATIENCE_SECONDS) for each in (first, second, astray)] == [75, 75, 75]
    assert (job.result["outcome"], job.result["checkpoint"]) == ("stopped", 2)


class SlowHub(BaseHTTPRequestHandler):
    """Of the Hub what an upload asks for, until the bytes come: those it never takes."""

    begun: threading.Event

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._answer([] if "/tree/" in self.path else {"id": "me/model", "sha": "0" * 40})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "/preupload/" in self.path:
            files = [{"path": file["path"], "uploadMode": "lfs", "shouldIgnore": False} for file in asked["files"]]
            self._answer({"files": files})
            return
        upload = {"upload": {"href": f"http://{self.headers['host']}/bytes"}}
        self._answer({"transfer": "basic", "objects": [{**item, "actions": upload} for item in asked["objects"]]})

    def do_PUT(self) -> None:
        self.begun.set()
        threading.Event().wait(PATIENCE_SECONDS)

    def _answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def slow_hub() -> Iterator[tuple[str, threading.Event]]:
    SlowHub.begun = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowHub)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", SlowHub.begun
    finally:
        server.shutdown()
        server.server_close()


def test_an_upload_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    files = {}
    # Of several, each has a thread of the library's that Python would wait for.
    for name in ("one.safetensors", "two.safetensors"):
        weights = os.urandom(1 << 20)
        (tmp_path / "model" / name).write_bytes(weights)
        files[name] = hashlib.sha256(weights).hexdigest()
    with slow_hub() as (address, begun):
        job = Job(tmp_path / "work", tmp_path / "out")
        job.write(folder=tmp_path / "model", hub=address, repo="me/model", prefix="", files=files, message="weights")
        running = start("push", job, env=os.environ | {"HF_TOKEN": "hf_none"})
        wait_until(begun.is_set, running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_SECONDS / 4) == 75
    assert job.result["outcome"] == "stopped"


def test_each_machine_has_rows_of_its_own(tmp_path: Path) -> None:
    folders = [folder_of_machine(Rank(number, 4, number % 2, 2), tmp_path).name for number in range(4)]
    assert folders == ["0", "0", "2", "2"]
    assert folder_of_machine(Rank(), tmp_path) == tmp_path
