"""What the official harnesses take away from a program before they run it.

The names are those of `reliability_guard` in OpenAI's human-eval (MIT), which EvalPlus and LiveCodeBench both use: an
answer that calls one of these fails there, and so it does here. It keeps nobody out; the sandbox does.
"""

import builtins
import contextlib
import faulthandler
import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

OF_OS = (
    "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
    "unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"
)


def ready(answer: str) -> None:
    """The harnesses have loaded numpy by then, which cannot be loaded any more after `disarm`."""
    if "numpy" in answer:
        with contextlib.suppress(ImportError):
            importlib.import_module("numpy")


def disarm(of_builtins: Sequence[str]) -> None:
    """Takes away what the harnesses do, and these builtins, from the whole process and for good."""
    faulthandler.disable()
    for name in of_builtins:
        setattr(builtins, name, None)
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in OF_OS.split():
        setattr(os, name, None)
    for name in ("rmtree", "move", "chown"):
        setattr(shutil, name, None)
    subprocess.Popen = None
    builtins.help = None
    for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
        sys.modules[name] = None  # type: ignore[assignment]


class NoInput(io.StringIO):
    """Takes what is printed, and has nothing to read."""

    def read(self, *_: Any) -> str:
        """Raises OSError."""
        raise OSError

    def readline(self, *_: Any) -> str:  # type: ignore[override]
        """Raises OSError."""
        raise OSError

    def readlines(self, *_: Any) -> "list[str]":  # type: ignore[override]
        """Raises OSError."""
        raise OSError

    def readable(self) -> bool:
        """It is not."""
        return False
