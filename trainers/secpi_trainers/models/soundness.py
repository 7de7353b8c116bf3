"""Whether a training still makes sense: numbers that are finite, and a model that is better than a guess."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..base.errors import TrainerError
from .checkpoints import MARK, checkpoints, discard
from .finite import not_finite

KNEW_NOTHING = 0.9
"""A model whose first loss is above this share of a guess's knew nothing that it could have lost."""


class UnsoundError(TrainerError):
    """Weights that are worth nothing: those after step `since`, and all later ones."""

    def __init__(self, code: str, message: str, since: int) -> None:
        super().__init__(code, message, "lower learning_rate, or give it more warmup_steps")
        self.since = since


def check_step(step: int, loss: float, gradient_norm: float) -> None:
    """Throws `trainer/loss-not-finite`, `trainer/gradient-not-finite`, or `trainer/diverged` where nothing is learnt.

    What a step finds is what the weights of the one before it give.
    """
    if not math.isfinite(loss):
        raise UnsoundError("loss-not-finite", f"the loss of step {step} is {loss}", step - 1)
    if not math.isfinite(gradient_norm):
        raise UnsoundError("gradient-not-finite", f"the gradient of step {step} has the norm {gradient_norm}", step - 1)
    if gradient_norm == 0 and loss > 1:
        # So large that normalisation overflows: all weights are finite, and nothing reaches the output any more.
        raise UnsoundError("diverged", f"step {step} has a loss of {loss:.3g} and no gradient at all", step - 1)


def check_weights(step: int, tensors: Iterable[tuple[str, Any]], loss: float) -> None:
    """Checks what a step has left, and what some row's loss is with it. Throws `trainer/weights-not-finite`."""
    name = not_finite(tensors)
    if name is not None:
        raise UnsoundError("weights-not-finite", f"after step {step} {name} is not finite", step)
    if not math.isfinite(loss):
        raise UnsoundError("weights-not-finite", f"with the weights after step {step} the loss is {loss}", step)


def check_end(losses: Sequence[float], last: float, vocabulary: int) -> None:
    """Throws `trainer/diverged` if a model that knew something is no better than a guess once it is trained.

    `losses` are those of all steps, `last` is the loss with the weights after the last one.
    """
    guess = math.log(vocabulary) - 1e-3
    if losses[0] > KNEW_NOTHING * guess or last < guess:
        return
    since = len(losses)
    while losses[since - 1] >= guess:
        since -= 1
    raise UnsoundError(
        "diverged", f"the loss was {losses[0]:.3g} at first and is {last:.3g} at the end: no better than a guess", since
    )


def name_last_good(error: UnsoundError, root: Path) -> TrainerError:
    """Removes the checkpoints of such weights, and says which one is the last that is good."""
    good = None
    for checkpoint in checkpoints(root):
        if checkpoint.step >= error.since:
            discard(checkpoint)
        elif good is None and (checkpoint.folder / MARK).is_file():
            good = checkpoint
    left = "no checkpoint was saved before that" if good is None else f"the last good checkpoint is {good.folder}"
    return TrainerError(error.code.removeprefix("trainer/"), f"{error.message}; {left}", error.hint)
