"""Files that come as a plain stream: whole or not at all, wherever it is cut, and nothing twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from counting_job import AGENT
from lock_waiters import await_waiter

from secpi_agent.base.locks import alone
from secpi_agent.host.inputs import in_use_lock, is_whole, put

CONTENT = {"tree/a": b"one", "tree/deep/b c": b"", "tree/deep/c": b"three\n", "tree/z": bytes(range(7))}
WHOLE = b"".join(CONTENT.values())


def wanted(folder: Path) -> dict[str, Any]:
    files = [
        {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in CONTENT.items()
    ]
    return {"partial": str(folder / ".digest.partial"), "final": str(folder / "digest"), "files": files}


def receive(folder: Path, data: bytes) -> list[dict[str, Any]]:
    """Brings these bytes, behind those that are said to be there; all that was said."""
    argv = [sys.executable, "-I", str(AGENT), "receive"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(json.dumps(wanted(folder)).encode() + b"\n")
        agent.stdin.flush()
        first = agent.stdout.readline()
        agent.stdin.write(data)
        agent.stdin.close()
        return [json.loads(line) for line in (first, *agent.stdout)]


def taken(folder: Path) -> dict[str, bytes] | None:
    final = folder / "digest"
    if not final.exists():
        return None
    return {path.relative_to(final).as_posix(): path.read_bytes() for path in final.rglob("*") if path.is_file()}


@pytest.mark.parametrize("cut", range(len(WHOLE)))
def test_is_nothing_wherever_it_is_cut_off_and_goes_on_from_there(tmp_path: Path, cut: int) -> None:
    has, error = receive(tmp_path, WHOLE[:cut])
    assert (has, error["code"]) == ({"type": "has", "bytes": [0, 0, 0, 0]}, "job/bad-transfer")
    assert taken(tmp_path) is None
    (has,) = receive(tmp_path, WHOLE[cut:])
    assert sum(has["bytes"]) == cut
    assert taken(tmp_path) == CONTENT
    # Nothing is left of it, and it is not sent again.
    assert sorted(path.name for path in tmp_path.iterdir()) == [".in-use.lock", "digest"]
    (has,) = receive(tmp_path, b"")
    assert has["bytes"] == [len(data) for data in CONTENT.values()]
    assert taken(tmp_path) == CONTENT


def test_another_byte_is_sent_again(tmp_path: Path) -> None:
    _, error = receive(tmp_path, b"One" + WHOLE[3:])
    assert error["code"] == "job/bad-transfer"
    assert taken(tmp_path) is None
    (has,) = receive(tmp_path, b"one")
    assert has["bytes"][0] == 0
    assert taken(tmp_path) == CONTENT


def test_what_nobody_sends_is_not_taken_with_it(tmp_path: Path) -> None:
    partial = tmp_path / ".digest.partial"
    (partial / "tree" / ".rsync-partial").mkdir(parents=True)
    (partial / "tree" / ".rsync-partial" / "a").write_text("half")
    (partial / "tree" / "a").write_text("much too long")
    (partial / "tree" / "z").symlink_to("/etc/passwd")
    (has,) = receive(tmp_path, WHOLE)
    assert has["bytes"] == [0, 0, 0, 0]
    assert taken(tmp_path) == CONTENT


def test_what_is_damaged_is_replaced_by_one_at_a_time(tmp_path: Path) -> None:
    files = [{"path": "data", "bytes": 4, "sha256": "0" * 64}]
    final, brought = tmp_path / "digest", [tmp_path / f".{number}.partial" for number in range(2)]
    for folder, text in [(final, "damaged"), *((one, "good") for one in brought)]:
        folder.mkdir()
        (folder / "data").write_text(text)
    lock = in_use_lock(tmp_path)
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as held:
        held.enter_context(alone(lock))
        putting = [pool.submit(put, folder, final, lambda: is_whole(final, files)) for folder in brought]
        await_waiter(lock, putting[0].done)
        # Whoever has been told that it is here still finds it.
        assert (final / "data").read_text() == "damaged"
        assert not any(one.done() for one in putting)
        held.close()
        for one in putting:
            one.result()
    assert (final / "data").read_text() == "good"
    assert len([folder for folder in brought if folder.exists()]) == 1
