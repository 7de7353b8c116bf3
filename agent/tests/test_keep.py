"""What a job has made can stay where it was made, whole, whoever is killed while it moves."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from counting_job import Job, ask
from killing import ask_killed_at, kill_everywhere

DIGEST = "a" * 64


class Made:
    """A job that is done, with a tree as its output."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.root = folder / "root"
        self.job = Job(
            folder, 'mkdir -p "{work}/model/deep"; echo one >"{work}/model/a"; echo two >"{work}/model/deep/b"'
        )
        self.job.folder = self.root / "jobs" / "job"
        self.job.spec["outputs"] = [{"name": "model", "kind": "tree", "path": "{work}/model"}]
        self.job.start()
        [self.output] = self.job.end()["outputs"]
        self.final = self.root / "inputs" / DIGEST

    @property
    def request(self) -> dict[str, Any]:
        """What `keep` wants to know."""
        path, files = self.output["path"], self.output["files"]
        return {"job": str(self.job.folder), "path": path, "final": str(self.final), "files": files, "owner": "me"}

    def keep(self) -> dict[str, Any]:
        """What is said."""
        [said] = ask("keep", self.request)
        return said

    @property
    def texts(self) -> dict[str, str]:
        """All that lies at its place."""
        files = [path for path in (self.final / "model").rglob("*") if path.is_file()]
        return {path.relative_to(self.final / "model").as_posix(): path.read_text() for path in files}


WHOLE = {"a": "one\n", "deep/b": "two\n"}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_it_lies_among_the_inputs_and_the_job_can_go(made: Made) -> None:
    assert made.keep() == {"type": "kept", "path": str(made.final / "model")}
    assert not Path(made.output["path"]).exists()
    # As long as the job is there, and when it is gone.
    assert made.keep()["type"] == "kept"
    ask("release", made.job.request())
    assert made.keep()["type"] == "kept"
    assert made.texts == WHOLE
    wanted = [{"path": f"model/{file['path']}", "bytes": file["bytes"]} for file in made.output["files"]]
    found = {"path": str(made.final), "files": wanted}
    assert ask("find", found)[0]["here"] is True
    (made.final / "model" / "deep" / "b").unlink()
    assert ask("find", found)[0]["here"] is False
    assert made.keep()["code"] == "job/output-gone"


def test_killed_at_every_point_it_is_whole_and_where_it_belongs(tmp_path: Path) -> None:
    origin = Made(tmp_path / "origin")

    def kill_at(number: int) -> str:
        folder = tmp_path / str(number)
        shutil.copytree(origin.root, folder / "root")
        text = str(origin.root)
        request = {key: _moved(value, text, str(folder / "root")) for key, value in origin.request.items()}
        name = ask_killed_at(number, "keep", request, folder / "killed")
        final = Path(request["final"])
        # What has the name of an input is all of it, at any moment.
        where = f"point {number}: {name or 'none'}"
        if final.exists():
            assert _texts(final / "model") == WHOLE, where
            assert [path.name for path in (final / ".kept").glob("*")] == ["me"], where
        assert ask("keep", request)[0]["path"] == str(final / "model"), where
        assert _texts(final / "model") == WHOLE, where
        assert [path.name for path in (final / ".kept").glob("*")] == ["me"], where
        ask("release", {"folder": request["job"]})
        # Nothing of it lies anywhere else.
        assert sorted(path.name for path in final.parent.glob("[!.]*")) == [DIGEST], where
        assert not Path(request["job"]).exists(), where
        return name

    names = kill_everywhere(kill_at, 4)
    sys.stdout.write(f"keep: killed at {len(names)} points: {', '.join(sorted(set(names)))}\n")
    assert names.count("rename") == 2
    assert {"fsync", "mkdir", "utime", "flock"} <= set(names)


def test_what_is_made_again_takes_the_place_of_what_was_changed(made: Made, tmp_path: Path) -> None:
    made.keep()
    # As large as it was.
    (made.final / "model" / "a").write_text("ONE\n")
    again = Made(tmp_path / "again")
    request = {**again.request, "final": str(made.final)}
    assert ask("keep", request)[0]["path"] == str(made.final / "model")
    assert made.texts == WHOLE
    # What is as it should be stays: somebody may be reading it.
    inode = (made.final / "model" / "a").stat().st_ino
    third = Made(tmp_path / "third")
    ask("keep", {**third.request, "final": str(made.final)})
    assert (made.final / "model" / "a").stat().st_ino == inode


def test_it_goes_when_its_owner_wants_it_no_more_and_nobody_else_removes_it(made: Made) -> None:
    made.keep()
    os.utime(made.final, times=(0, 0))
    made.keep()
    ask("release", made.job.request())

    def clear(owner: str, kept: list[str]) -> dict[str, Any]:
        known = {"root": str(made.root), "jobs": [], "kept": kept, "owner": owner}
        return {line["name"]: line for line in ask("garbage", {**known, "unused_seconds": 86_400, "remove": True})}

    # Whoever keeps it again uses it.
    assert clear("me", [])[DIGEST]["garbage"] is False
    os.utime(made.final, times=(0, 0))
    assert clear("me", [DIGEST])[DIGEST]["garbage"] is False
    assert (clear("another", [])[DIGEST]["kind"], made.texts) == ("kept", WHOLE)
    assert clear("me", [])[DIGEST] == {
        "type": "stored",
        "kind": "kept",
        "name": DIGEST,
        "bytes": 8,
        "garbage": True,
        "removed": True,
    }
    assert not made.final.exists()


def _moved(value: Any, before: str, after: str) -> Any:  # noqa: ANN401
    return value.replace(before, after) if isinstance(value, str) else value


def _texts(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}
