"""Kinds of fields that jobs are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _absolute(value: str) -> str:
    if not Path(value).is_absolute():
        raise ValueError("must be an absolute path")
    return value


def _file(value: str) -> str:
    if not Path(_absolute(value)).is_file():
        raise ValueError(f"no such file: {value}")
    return value


def _model(value: str) -> str:
    if value.startswith(("/", ".", "~")) or "\\" in value:
        if not Path(_absolute(value)).is_dir():
            raise ValueError(f"no such model folder: {value}")
    elif not 0 < len(value.split("/")) < 3:
        raise ValueError("must be an absolute folder or a Hub id")
    return value


def _folder(value: str) -> str:
    if not Path(_absolute(value)).is_dir():
        raise ValueError(f"no such folder: {value}")
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
InputFile = Annotated[str, AfterValidator(_file)]
InputFolder = Annotated[str, AfterValidator(_folder)]
ModelSource = Annotated[str, Field(min_length=1), AfterValidator(_model)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Dtype = Literal["float32", "bfloat16"]
Device = Literal["cpu", "cuda", "auto"]


class Strict(BaseModel):
    """Knows all its keys, takes no text for a number, and never changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())
