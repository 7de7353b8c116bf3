"""Importing what takes seconds: torch, Transformers, PEFT, TRL, Axolotl."""

from __future__ import annotations

import gc
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
