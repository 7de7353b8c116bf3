"""Where the random generators stand, to be put back there."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy
import torch


class RandomState(NamedTuple):
    """Of all generators that a training draws from."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    cuda: list[torch.Tensor]


def random_state() -> RandomState:
    """Where they stand now."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return RandomState(random.getstate(), numpy.random.get_state(), torch.get_rng_state(), cuda)


def restore_random_state(state: RandomState) -> None:
    """Puts them back."""
    random.setstate(state.python)
    numpy.random.set_state(state.numpy)
    torch.set_rng_state(state.cpu)
    if state.cuda:
        torch.cuda.set_rng_state_all(state.cuda)
