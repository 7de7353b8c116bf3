"""Which checkpoints stay while a training goes on, and how many there are at once for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def to_average(step: int, every: int, count: int) -> set[int]:
    """The last `count` up to a step of those that the schedule asks for, and not a signal: these are averaged."""
    scheduled = range(every, step + 1, every)
    return set(scheduled[max(0, len(scheduled) - count) :])


def most_more(there: Sequence[int], to_come: Iterable[int], keep: int, every: int, averaged: int) -> int:
    """How many there are at most beside those of the steps that are `there`, while those `to_come` are saved.

    An old one goes when a new one is whole: for a while there is one more than are kept. What a signal has saved may
    have a place among the newest, and then what is to be averaged stays beside it.
    """
    now, most = list(there), 0
    for step in to_come:
        now.append(step)
        most = max(most, len(now) - len(there))
        stay = {*sorted(now)[-keep:], *to_average(step, every, averaged)}
        now = [item for item in now if item in stay]
    return most
