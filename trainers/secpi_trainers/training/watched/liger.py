"""What Liger's loss saves, saved also where a model is looked at and not trained."""

from __future__ import annotations

from inspect import signature
from typing import Any


def loss_alone(model: Any) -> dict[str, bool]:  # noqa: ANN401
    """What to tell a forward pass that is asked for its loss, so that Liger's makes no logits; others are told nothing.

    By itself Liger leaves them out in training alone. Held-out rows, and the row that weights are tried on before each
    checkpoint, would have all of theirs at once: 10 bytes for each token and entry of the vocabulary, 25 GB at 16k
    tokens. On an H200 a row of 8k took 7 GiB more than a step of training.

    To be asked anew for each pass: the Trainer puts Liger's in place of the model's own when the training begins.
    """
    target = model.get_base_model() if hasattr(model, "get_base_model") else model
    return {"skip_logits": True} if "skip_logits" in signature(target.forward).parameters else {}
