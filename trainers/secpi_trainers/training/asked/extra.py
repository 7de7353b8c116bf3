"""What a recipe may tell a trainer itself (`extra`), whichever trainer it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ...base.errors import TrainerError


def checked_extra(
    extra: dict[str, Any], allowed: frozenset[str], kinds: Mapping[str, Any], trainer: str
) -> dict[str, Any]:
    """Each of them allowed, and of the kind that the trainer itself declares: `kinds` has all that it knows.

    Throws `trainer/bad-extra`.
    """
    for name, value in extra.items():
        if name not in allowed:
            raise _why_not(name, allowed, kinds, trainer)
        try:
            TypeAdapter(kinds[name], config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"]
            raise TrainerError("bad-extra", f"`extra.{name}`: {said}") from error
    return extra


def refuse_order(extra: dict[str, Any], setting: str, ranks: int) -> None:
    """Throws `trainer/bad-extra` if `setting` is to say in which order several processes take rows."""
    if ranks > 1 and setting in extra:
        said = f"`extra.{setting}` is for one process: several are dealt their rows by secpi, each row once"
        raise TrainerError("bad-extra", said, "leave it out, or use one GPU")


def _why_not(name: str, allowed: frozenset[str], kinds: Mapping[str, Any], trainer: str) -> TrainerError:
    known = f"it may be one of {', '.join(sorted(allowed))}"
    if name in kinds:
        said = f"`extra.{name}` is not for recipes: secpi sets it, or it would undo what secpi promises"
        return TrainerError("bad-extra", said, known)
    said = f"{trainer} knows no setting `{name}`"
    close = difflib.get_close_matches(name, allowed, n=1)
    return TrainerError("bad-extra", f"{said}; did you mean `{close[0]}`?" if close else said, None if close else known)
