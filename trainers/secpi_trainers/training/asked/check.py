"""`check`: whether a training could begin with these settings, asked hours before it does."""

from __future__ import annotations

import contextlib
import json
import sys

from pydantic import ValidationError

from ...base.errors import BadJobError, TrainerError
from ...base.session import failure
from ..axolotl.refuse import refuse_for_axolotl
from .requirements import require_axolotl
from .spec import TrainSpec


def run_check(text: str, processes: int) -> int:
    """Prints one line of JSON: `{schema, outcome}`, and where that is `failed` why; exit code 0 either way.

    `text` is a `TrainSpec` as JSON. Nothing of torch is loaded unless the spec has `extra`.
    """
    answer: dict[str, object] = {"schema": 1, "outcome": "done"}
    try:
        # What libraries have to say on their way is no answer.
        with contextlib.redirect_stdout(sys.stderr):
            _check(_spec(text), processes)
    except TrainerError as error:
        answer |= {"outcome": "failed", **failure(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _spec(text: str) -> TrainSpec:
    try:
        return TrainSpec.model_validate_json(text)
    except ValidationError as error:
        raise BadJobError(str(error)) from error


def _check(spec: TrainSpec, processes: int) -> None:
    if spec.trainer == "axolotl":
        require_axolotl()
        refuse_for_axolotl(spec)
        if spec.extra:
            from ..axolotl.extra import checked

            checked(spec.extra, processes)
    elif spec.extra:
        from .settings import checked_for_trl

        checked_for_trl(spec, processes)
