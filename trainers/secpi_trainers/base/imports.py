"""Importing what takes seconds: torch, Transformers, PEFT, TRL, Axolotl."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def long_imports() -> Iterator[None]:
    """Imports without the garbage collector, and leaves it nothing to do with what was imported.

    A million objects come to stay. To go through them again and again while more come takes a fifth of the time, and
    the exit goes through all of them once more; `gc.freeze` is Python's own way to say that they stay.
    """
    known, was_enabled = len(sys.modules), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # In a process that has them already, as in tests, what there is beside them may be garbage.
        if len(sys.modules) > known:
            gc.freeze()
        if was_enabled:
            gc.enable()


def do_without_torch() -> None:
    """For the rest of this process, which only needs tokenizers: there is no torch.

    Transformers imports it, and all that it knows of models, where it can: four of six seconds.
    """
    # How Python is told that a module is not to be found; and Transformers that nobody needs to be told.
    sys.modules["torch"] = None  # type: ignore[assignment]
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
