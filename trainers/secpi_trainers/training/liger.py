"""What Liger's loss saves, saved also where a model is looked at and not trained."""

from __future__ import annotations

from functools import wraps
from types import MethodType
from typing import Any


def leave_out_logits(model: Any) -> None:  # noqa: ANN401
    """Has Liger's forward pass make no logits wherever it is given labels.

    By itself it leaves them out in training alone. Held-out rows, and the row that weights are tried on before each
    checkpoint, would have all of theirs at once: 10 bytes for each token and entry of the vocabulary, 25 GB at 16k
    tokens. On an H200 a row of 8k took 7 GiB more than a step of training.
    """
    target = model.get_base_model() if hasattr(model, "get_base_model") else model
    forward = target.forward.__func__

    @wraps(forward)
    def without(*args: Any, labels: Any = None, skip_logits: bool | None = None, **more: Any) -> Any:  # noqa: ANN401
        skip = labels is not None if skip_logits is None else skip_logits
        return forward(*args, labels=labels, skip_logits=skip, **more)

    # A method, as it was: Accelerate binds what it unwraps to the model once more.
    target.forward = MethodType(without, target)
