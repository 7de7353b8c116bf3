"""One process computes on one GPU."""

from __future__ import annotations

from collections.abc import MutableMapping

from ...base.errors import TrainerError

VARIABLE = "CUDA_VISIBLE_DEVICES"


def see_one_gpu(environment: MutableMapping[str, str], local: int = 0) -> None:
    """Leaves one of the GPUs that this machine's processes may see, that of the number `local`; to be called before
    torch is imported. Throws `trainer/too-few-gpus`.

    With several, the Trainer splits each batch among them: the results would depend on what a host happens to have.
    """
    given = environment.get(VARIABLE)
    if given is None:
        environment[VARIABLE] = str(local)
        return
    visible = [name.strip() for name in given.split(",")]
    # None at all is how a GPU is hidden from everybody.
    if given.strip() in ("", "-1"):
        return
    if local >= len(visible):
        raise TrainerError(
            "too-few-gpus",
            f"process {local + 1} of this machine has no GPU: {VARIABLE} names {len(visible)}",
            "ask for as many GPUs as there are to be processes",
        )
    environment[VARIABLE] = visible[local]


def refuse_several(count: int) -> None:
    """Throws `trainer/several-gpus` if the Trainer sees more than one all the same."""
    if count > 1:
        raise TrainerError(
            "several-gpus",
            f"the Trainer would split each batch among {count} GPUs, and one process trains on one",
            f"set {VARIABLE} to one of them",
        )
