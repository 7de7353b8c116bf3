"""What one process of each machine does for all that are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ...base.errors import StoppedError, TrainerError
from ...base.rank import Rank
from .together import Together

Made = TypeVar("Made")


def folder_of_machine(rank: Rank, work: Path) -> Path:
    """What the first process of a machine keeps for the others: machines need not see each other's files at once."""
    return Rank(rank.number - rank.local, rank.world).folder(work)


def once_a_machine(together: Together, make: Callable[[], Made]) -> Made:
    """What `make` gives to the first process of this machine; it is called there alone, and the others wait.

    Where one of them is stopped, or fails with a `TrainerError`, all of them end with that. One that dies, or fails
    otherwise, is missed by those who wait.
    """
    made: Made | None = None
    # As plain values: what is sent to another process has to be put together there.
    problem: tuple[str, str, str | None] | None = None
    stopped = False
    if together.rank.local == 0:
        try:
            made = make()
        except StoppedError:
            stopped = True
        except TrainerError as error:
            problem = (error.code.removeprefix("trainer/"), error.message, error.hint)
    said = together.all((made, problem, stopped))
    for _, found, _ in said:
        if found is not None:
            raise TrainerError(*found)
    if any(heard for _, _, heard in said):
        raise StoppedError
    mine: Made = said[together.rank.number - together.rank.local][0]
    return mine
