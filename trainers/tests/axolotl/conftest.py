"""Fixtures that both backends are tested with."""

from ..test_ranks import ranks, smallest

__all__ = ["ranks", "smallest"]
