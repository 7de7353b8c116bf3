"""What is told of a file that grows: whole lines, each byte once, in bounded memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from secpi_agent.jobs.follow import LONGEST_EVENT, Tail


class Listener:
    """Whoever follows, and may have to begin anew at the byte that was heard last."""

    def __init__(self, path: Path, stream: str = "events") -> None:
        self.path = path
        self.stream = stream
        self.said: list[dict[str, Any]] = []
        self.reconnect()

    def reconnect(self) -> None:
        offset = self.said[-1]["offset"] if self.said else 0
        self.tail = Tail(self.stream, self.path, offset)

    def look(self, *, over: bool = False) -> None:
        self.tail.tell(self.said.append, to_the_end=over)

    @property
    def lines(self) -> list[str]:
        return "".join(said["text"] for said in self.said).splitlines()

    @property
    def dropped(self) -> list[int]:
        return [said["dropped_bytes"] for said in self.said if "dropped_bytes" in said]


@pytest.mark.parametrize("length", [1, 65_535, 65_536, 65_537, 200_000, LONGEST_EVENT - 1])
def test_an_event_arrives_whole_however_it_was_written(tmp_path: Path, length: int) -> None:
    path = tmp_path / "events"
    listener = Listener(path)
    lines = ["before", "x" * length, "after"]
    written = "".join(f"{line}\n" for line in lines).encode()
    step = 70_001
    for at in range(0, len(written), step):
        with path.open("ab") as file:
            file.write(written[at : at + step])
        listener.look()
        if at % 2:
            listener.reconnect()
    listener.look(over=True)
    # Each of what is said ends with a line: who parses it line by line never sees half of one.
    assert all(said["text"].endswith("\n") for said in listener.said)
    assert (listener.lines, listener.dropped) == (lines, [])


@pytest.mark.parametrize("reconnects", [False, True])
def test_an_event_without_measure_is_passed_over_with_a_word_and_not_kept_in_memory(
    tmp_path: Path, *, reconnects: bool
) -> None:
    path = tmp_path / "events"
    listener = Listener(path)
    path.write_bytes(b"before\n")
    listener.look()
    tracemalloc.start()
    for _ in range(64):
        with path.open("ab") as file:
            file.write(b"x" * (1 << 20))
        listener.look()
        if reconnects:
            listener.reconnect()
    with path.open("ab") as file:
        file.write(b"\nafter\n")
    listener.look()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (listener.lines, listener.dropped) == (["before", "after"], [(64 << 20) + 1])
    assert listener.said[-1]["offset"] == path.stat().st_size
    assert peak < 8 << 20


def test_an_event_without_measure_that_never_ended_is_passed_over_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"before\n" + b"x" * (2 << 20))
    listener = Listener(path)
    listener.look()
    assert (listener.lines, listener.dropped) == (["before"], [])
    listener.look(over=True)
    assert (listener.lines, listener.dropped) == (["before"], [2 << 20])


def test_what_is_printed_without_an_end_is_told_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (3 << 20))
    listener = Listener(path, "log")
    listener.look()
    assert len(listener.said) > 10
    assert "".join(listener.lines) == "x" * (3 << 20)
