"""Every state of the disk that a kill could leave behind, taken from one run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from secpi_trainers.base.session import Session

from .support import Job, run

WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.copyfile"}
UNREAD = {"events.jsonl", "stderr.log", "reserve", "rows.arrow"}
"""Files that are made anew, or that no resume looks into: two states that differ in these only are the same."""

_watchers: list[Callable[[str], None]] = []


def _on_audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watchers and event in WATCHED and isinstance(arguments[0], (str, bytes, os.PathLike)):
        _watchers[-1](f"{event} {os.fspath(arguments[0])!s}")


# A hook stays for as long as the process lives, so there is one, and it asks who watches.
sys.addaudithook(_on_audit)

Tree = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Point:
    """The folders of a job as they were when something was about to happen."""

    name: str
    folder: Path


def points(
    command: str,
    job: Job,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    files: bool,
) -> list[Point]:
    """Runs the job to its end and returns the states of its folders around events and, if asked for, file operations.

    Between two of those a library may have written a file (in C++ or Rust, where nobody sees it): then there is a state
    with half of that file as well. What is on disk is all that `kill -9` leaves, so this is every kill at once.
    """
    watcher = _Watcher(job, store)
    with watcher.watching(monkeypatch, files=files):
        assert run(command, job) == 0
    watcher.look("the end")
    return watcher.found


class _Watcher:
    def __init__(self, job: Job, store: Path) -> None:
        self._roots = {"work": job.work, "out": job.output}
        self._store = store
        self._last: Tree = {}
        self._seen: set[frozenset[tuple[str, tuple[int, int]]]] = set()
        self._busy = False
        self.found: list[Point] = []

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch, *, files: bool) -> Iterator[None]:
        event, save = Session.event, torch.save

        def watched_event(session: Session, kind: str, **values: Any) -> None:  # noqa: ANN401
            self.look(f"before the event {kind}")
            event(session, kind, **values)
            self.look(f"after the event {kind}")

        def watched_save(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
            self.look(f"torch.save {arguments[1]}")
            save(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Session, "event", watched_event)
            if not files:
                yield
                return
            patch.setattr(torch, "save", watched_save)
            _watchers.append(self.look)
            try:
                yield
            finally:
                _watchers.pop()

    def look(self, name: str) -> None:
        """Keeps the state if it is a new one, and one with half of each file that was written since the last look."""
        if self._busy:
            return
        self._busy = True
        try:
            tree = self._tree()
            written = [
                path
                for path, (size, _) in tree.items()
                if size > 1 and self._last.get(path) != tree[path] and Path(path).name not in UNREAD
            ]
            self._last = tree
            for path in written if _watchers else ():
                self._keep(f"{name}, half of {path}", tree, path)
            self._keep(name, tree, None)
        finally:
            self._busy = False

    def _tree(self) -> Tree:
        """Path → size and time of the last change; folders count, they may be left half-empty."""
        tree: Tree = {}
        for label, root in self._roots.items():
            for path in root.rglob("*") if root.exists() else ():
                found = path.stat()
                tree[f"{label}/{path.relative_to(root)}"] = (
                    (found.st_size, found.st_mtime_ns) if path.is_file() else (-1, 0)
                )
        return tree

    def _keep(self, name: str, tree: Tree, half: str | None) -> None:
        key = {path: fact for path, fact in tree.items() if Path(path).name not in UNREAD}
        if half is not None:
            key[half] = (tree[half][0] // 2, 0)
        state = frozenset(key.items())
        if state in self._seen:
            return
        self._seen.add(state)
        folder = self._store / str(len(self.found))
        folder.mkdir(parents=True)
        for label, root in self._roots.items():
            if root.exists():
                shutil.copytree(root, folder / label)
        if half is not None:
            os.truncate(folder / half, tree[half][0] // 2)
        self.found.append(Point(name, folder))
