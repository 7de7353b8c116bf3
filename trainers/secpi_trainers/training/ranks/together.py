"""What the processes of a training agree on beside its gradients."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from ...base.rank import Rank

_PATIENCE = timedelta(days=1)
"""Those who wait do so for one that hashes or writes hundreds of GB. One that is dead is noticed at once."""


class Together:
    """Talks over the CPU: a word costs no GPU a pause, and NCCL's time-out does not run while somebody is waited for.

    To be made once the processes have met, by all of them. Of one that is alone every question is answered at once.
    """

    def __init__(self, rank: Rank) -> None:
        self.rank = rank
        self._group = None if rank.is_alone else dist.new_group(backend="gloo", timeout=_PATIENCE)

    def any(self, flag: bool) -> bool:
        """Whether it is so for one of them."""
        if self._group is None:
            return flag
        word = torch.tensor(int(flag))
        dist.all_reduce(word, dist.ReduceOp.MAX, group=self._group)
        return bool(word.item())

    def all(self, value: Any) -> list[Any]:  # noqa: ANN401 - what can be pickled
        """What each of them has, in their order."""
        if self._group is None:
            return [value]
        values: list[Any] = [None] * self.rank.world
        dist.all_gather_object(values, value, group=self._group)
        return values

    def meet(self) -> None:
        """Waits until all are here."""
        if self._group is not None:
            dist.barrier(group=self._group)


def has_lost_another(error: BaseException) -> bool:
    """Whether an error of one process only says that another one is gone."""
    if not dist.is_initialized() or not isinstance(error, RuntimeError):
        return False
    said = str(error)
    return isinstance(error, dist.DistError) or any(words in said for words in ("gloo", "NCCL", "Gloo", "by peer"))


def words_of_loss(error: BaseException) -> str | None:
    """The last line of such an error, where it says more than that a connection is closed.

    NCCL says there what is wrong with a network or a card.
    """
    lines = [line.strip() for line in str(error).splitlines()]
    last = next((line for line in reversed(lines) if line and not line.endswith(":")), None)
    return None if last is None or "closed by peer" in last or "reset by peer" in last else last
