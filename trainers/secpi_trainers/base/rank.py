"""Which of the processes of a training this is. One that is alone knows nothing of others."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = "SECPI_LAUNCHER"
"""The variable that holds the pid of the launcher of ours that a process was started by."""


@dataclass(frozen=True)
class Rank:
    """One of `world` processes; `local` is its number among those of its machine."""

    number: int = 0
    world: int = 1
    local: int = 0
    neighbours: int = 1
    """How many there are on its machine, itself included."""

    @property
    def is_first(self) -> bool:
        """The one that speaks for all."""
        return self.number == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to agree with."""
        return self.world == 1

    def folder(self, work: Path) -> Path:
        """Where it keeps what is its own."""
        return work if self.is_alone else folder_of(work, self.number)


def folder_of(work: Path, number: int) -> Path:
    """Where the process of that number keeps what is its own."""
    return work / "ranks" / str(number)


def this_rank(environment: Mapping[str, str]) -> Rank:
    """What the launcher says that this process is."""
    if LAUNCHER not in environment:
        return Rank()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return Rank(*(int(environment[name]) for name in names))


def end_with_launcher(environment: Mapping[str, str]) -> None:
    """From here on the kernel ends this process when its launcher is gone."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != int(environment[LAUNCHER]):
        os._exit(1)
