"""One process computes on one GPU."""

from __future__ import annotations

from collections.abc import MutableMapping

from ..base.errors import TrainerError

VARIABLE = "CUDA_VISIBLE_DEVICES"


def see_one_gpu(environment: MutableMapping[str, str]) -> None:
    """Leaves the first of the GPUs that this process may see; to be called before torch is imported.

    With several, the Trainer splits each batch among them: the results would depend on what a host happens to have.
    """
    environment[VARIABLE] = environment.get(VARIABLE, "0").split(",")[0].strip()


def refuse_several(count: int) -> None:
    """Throws `trainer/several-gpus` if the Trainer sees more than one all the same."""
    if count > 1:
        raise TrainerError(
            "several-gpus",
            f"the Trainer would split each batch among {count} GPUs, and one process trains on one",
            f"set {VARIABLE} to one of them",
        )
