"""Only whole checkpoints of the same job count."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpi_trainers.base import files
from secpi_trainers.models.checkpoints import MARK, flaw, newest_valid, prune, seal


def make(root: Path, step: int, identity: str = "job", *, sealed: bool = True) -> Path:
    folder = root / f"checkpoint-{step}"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights").write_bytes(bytes(range(200)))
    (folder / "deep" / "optimizer").write_bytes(b"state" * step)
    if sealed:
        seal(folder, identity)
    return folder


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["weights", "deep/optimizer", MARK]),
    damage=st.sampled_from(["remove", "cut", "flip", "empty"]),
    place=st.integers(0, 10_000),
)
def test_any_damage_is_seen(name: str, damage: str, place: int) -> None:
    with tempfile.TemporaryDirectory() as name_of_root:
        folder = make(Path(name_of_root), 5)
        path = folder / name
        data = path.read_bytes()
        at = place % len(data)
        if damage == "remove":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(data[:at])
        elif damage == "empty":
            path.write_bytes(b"")
        else:
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        whole = name == MARK and damage == "flip" and _same_meaning(path, data)
        assert (flaw(folder, "job") is None) == whole


def _same_meaning(path: Path, before: bytes) -> bool:
    """A flipped blank in the mark may leave what it says as it was."""
    try:
        now, then = json.loads(path.read_bytes()), json.loads(before)
    except ValueError:
        return False
    return bool(now.get("files") == then["files"] and now.get("identity") == then["identity"])


def test_the_newest_whole_one_is_taken_and_newer_ones_go(tmp_path: Path) -> None:
    whole = make(tmp_path, 20)
    broken = make(tmp_path, 100)
    (broken / "weights").write_bytes(b"cut")
    unfinished = make(tmp_path, 120, sealed=False)
    make(tmp_path, 3)
    found, problems = newest_valid(tmp_path, "job")
    assert found is not None
    assert (found.folder, found.step) == (whole, 20)
    assert problems == [
        "checkpoint-120 is set aside: it was never finished",
        "checkpoint-100 is set aside: weights is missing or cut",
    ]
    assert not broken.exists()
    assert not unfinished.exists()


def test_a_checkpoint_of_another_job_is_not_continued(tmp_path: Path) -> None:
    make(tmp_path, 20, "other")
    assert newest_valid(tmp_path, "job") == (None, ["checkpoint-20 is set aside: it belongs to another job"])


def test_pruning_keeps_the_newest_whole_ones(tmp_path: Path) -> None:
    for step in (5, 10, 40, 100):
        make(tmp_path, step)
    make(tmp_path, 7, sealed=False)
    prune(tmp_path, 2)
    # The seventh was never finished, or only half removed.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-100", "checkpoint-40"]


def test_half_of_an_older_one_goes_when_a_newer_one_is_continued(tmp_path: Path) -> None:
    for step in (3, 20):
        make(tmp_path, step)
    half = make(tmp_path, 7, sealed=False)
    (half / "weights").unlink()
    found, problems = newest_valid(tmp_path, "job")
    assert found is not None
    assert (found.step, problems) == (20, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-20", "checkpoint-3"]


def test_parts_of_a_file_are_hashed_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 10)
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(25)))
    digests = {files.digest_of(path)}
    for place in range(25):
        path.write_bytes(bytes(255 if at == place else at for at in range(25)))
        digests.add(files.digest_of(path))
    assert len(digests) == 26
    together, hashed = Barrier(2), files._sha256_part

    def meet(path: Path, start: int) -> bytes:
        if start < 20:
            # Nobody comes out of here who is alone.
            together.wait(timeout=60)
        return hashed(path, start)

    monkeypatch.setattr(files, "_sha256_part", meet)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert files.digest_of(path) in digests


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    assert newest_valid(tmp_path / "none", "job") == (None, [])
