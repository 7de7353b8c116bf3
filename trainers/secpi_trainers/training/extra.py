"""What a recipe may tell a trainer itself (`extra`), whichever trainer it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..base.errors import TrainerError


def checked_extra(
    extra: dict[str, Any], allowed: frozenset[str], kinds: Mapping[str, Any], trainer: str
) -> dict[str, Any]:
    """Each of them allowed, and of the kind that the trainer itself declares: `kinds` has all that it knows.

    Throws `trainer/bad-extra`.
    """
    for name, value in extra.items():
        if name not in allowed:
            hint = f"it may be one of {', '.join(sorted(allowed))}"
            raise TrainerError("bad-extra", _why_not(name, allowed, kinds, trainer), hint)
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


def _why_not(name: str, allowed: frozenset[str], kinds: Mapping[str, Any], trainer: str) -> str:
    if name in kinds:
        return f"`extra.{name}` is not for recipes: secpi sets it, or it would undo what secpi promises"
    close = difflib.get_close_matches(name, allowed, n=1)
    return f"{trainer} knows no setting `{name}`" + (f"; did you mean `{close[0]}`?" if close else "")
