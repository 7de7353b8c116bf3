"""Counts the bytes of tensors that live at the same time, by what they are for."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class _Held:
    """One piece of memory."""

    part: str
    bytes: int


class Allocations(TorchDispatchMode):
    """Sees every tensor that an operation makes while it is entered, on any device, fake ones too.

    `peak` is how many bytes of each part were there when most were: `weights`, `gradients`, `optimizer`, `logits` and
    all the `rest`. What an operation needs inside itself is not seen.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._vocabulary, self._hidden = model.get_input_embeddings().weight.shape
        self._held: weakref.WeakKeyDictionary[torch.UntypedStorage, _Held] = weakref.WeakKeyDictionary()
        self._now: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        for item in [*model.parameters(), *model.buffers()]:
            self._count(item, "weights")
        for item in model.parameters():
            if item.requires_grad:
                item.register_post_accumulate_grad_hook(lambda made: self._count(made.grad, "gradients"))

    def begin(self, optimizer: torch.optim.Optimizer) -> None:
        """Looks for the peak from here on, when the optimiser has what it remembers."""
        for state in optimizer.state.values():
            for item in state.values():
                if isinstance(item, torch.Tensor):
                    self._count(item, "optimizer")
        self.peak = self._now.copy()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        for item in tree_leaves(result):
            if isinstance(item, torch.Tensor):
                self._count(item, None)
        return result

    def _count(self, item: torch.Tensor, part: str | None) -> None:
        storage = item.untyped_storage()
        held = self._held.get(storage)
        if held is not None:
            # What a gradient is, is known when it is whole.
            if part is not None:
                self._now[held.part] -= held.bytes
                held.part = part
                self._now[part] += held.bytes
            return
        held = _Held(part or ("logits" if self._is_logits(item) else "rest"), storage.nbytes())
        self._held[storage] = held
        self._now[held.part] += held.bytes
        weakref.finalize(storage, self._gone, held)
        if self._now.total() > self.peak.total():
            self.peak = self._now.copy()

    def _is_logits(self, item: torch.Tensor) -> bool:
        """A vocabulary's width for each token, and not the output matrix on its side."""
        return item.dim() > 1 and bool(item.shape[-1] == self._vocabulary and item.shape[0] != self._hidden)

    def _gone(self, held: _Held) -> None:
        self._now[held.part] -= held.bytes
