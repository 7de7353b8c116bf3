"""The job documents: what each command may be asked, checked strictly."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from .base.errors import BadJobError
from .base.fields import (
    AbsolutePath,
    Count,
    Device,
    Dtype,
    InputFile,
    InputFolder,
    ModelSource,
    Natural,
    Positive,
    Seed,
    Strict,
)
from .training.asked.spec import AdamSettings, LoraSettings, ParallelSettings, TrainSpec
from .training.asked.trackers import Trackers


def torch_threads(threads: int) -> int:
    """1, 2 or 4: from a hidden size of 256 on the same to the bit; with 3, 6, 8 or 16 sums are split otherwise."""
    return next((count for count in (4, 2) if count <= threads), 1)


class Job(Strict):
    """What every command knows."""

    schema_: Literal[1] = Field(alias="schema")
    work: AbsolutePath
    events: AbsolutePath | None = None
    lifeline: bool = False
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def torch_threads(self) -> int:
        """What a process takes that has them for itself."""
        return torch_threads(self.threads)

    @property
    def work_folder(self) -> Path:
        """Where resumable state lives."""
        return Path(self.work)

    @property
    def events_file(self) -> Path:
        """Where events are appended."""
        return Path(self.events) if self.events is not None else self.work_folder / "events.jsonl"


class FillingJob(Job):
    """A job that fills a folder."""

    output: AbsolutePath

    @property
    def output_folder(self) -> Path:
        """Where the finished entries appear."""
        return Path(self.output)


class Architecture(Strict):
    """Sizes of a Qwen2 model."""

    hidden: Annotated[int, Field(ge=8, le=4096)] = 256
    layers: Annotated[int, Field(ge=1, le=64)] = 2
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    kv_heads: Annotated[int, Field(ge=1, le=64)] = 2
    mlp: Annotated[int, Field(ge=8, le=16384)] = 512
    context: Annotated[int, Field(ge=64, le=131072)] = 2048
    vocabulary: Annotated[int, Field(ge=300, le=200000)] = 2048

    @model_validator(mode="after")
    def _fits(self) -> Architecture:
        if self.hidden % (2 * self.heads) or self.heads % self.kv_heads:
            raise ValueError("hidden must be a multiple of 2 x heads, and heads a multiple of kv_heads")
        return self


class TinyJob(FillingJob):
    """Build the tiny model."""

    rows: InputFile
    texts: list[InputFile] = Field(default_factory=list)
    architecture: Architecture = Field(default_factory=Architecture)
    steps: Count = 240
    batch_size: Count = 2
    learning_rate: Positive = 2e-3
    save_every_steps: Count = 100
    seed: Seed = 0


class PrepareJob(FillingJob):
    """Turn samples into token ids and labels."""

    model: ModelSource
    revision: str | None = None
    samples: InputFile
    max_tokens: Count
    holdout: Natural = 0
    seed: Seed = 0


class TrainJob(FillingJob, TrainSpec):
    """Fine-tune a model on prepared rows."""

    model: ModelSource
    revision: str | None = None
    model_name: Annotated[str, Field(min_length=1)]
    prepared: InputFile
    holdout: InputFile | None = None
    save_every_steps: Count = 100
    keep_checkpoints: Annotated[int, Field(ge=2)] = 2
    seed: Seed = 0
    device: Device = "auto"
    peak_tflops: Positive | None = None
    report_to: Trackers = Field(default_factory=Trackers)

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> TrainJob:
        if Path(self.model_name).is_absolute():
            raise ValueError("`model_name` must be a public name, not a path")
        if self.evaluate_every_steps is not None and self.holdout is None:
            raise ValueError("`evaluate_every_steps` needs rows that are set aside: give `holdout`")
        if (self.average_checkpoints or 0) > self.keep_checkpoints:
            raise ValueError("`average_checkpoints` needs so many: give `keep_checkpoints` at least that")
        return self


class MergeJob(FillingJob):
    """Merge an adapter into its base and check the result."""

    model: ModelSource
    revision: str | None = None
    adapter: InputFolder
    dtype: Dtype = "bfloat16"
    prepared: InputFile | None = None
    quantised: bool = False
    check_rows: Count = 4
    tolerance: Positive | None = None
    device: Device = "auto"

    @property
    def allowed_difference(self) -> float:
        """Largest difference of a logit, relative to the largest logit."""
        return self.tolerance or (1e-3 if self.dtype == "float32" else 0.25)


class PushJob(FillingJob):
    """Upload a folder to a repository of the Hub."""

    folder: InputFolder
    hub: Annotated[str, Field(pattern=r"^https?://")]
    repo: Annotated[str, Field(pattern=r"^\w[\w.-]*/\w[\w.-]*$")]
    prefix: Annotated[str, Field(pattern=r"^(?:[\w.-]+/)*$")] = ""
    files: Annotated[dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]], Field(min_length=1)]
    message: Annotated[str, Field(min_length=1)]


class ServeJob(Job):
    """Answer OpenAI-style requests with one model."""

    model: InputFolder
    served_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}$")]
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    # A text where it was filled into a document.
    port: Annotated[int, Field(ge=0, le=65535, strict=False)] = 0
    dtype: Literal["float32", "bfloat16", "auto"] = "auto"
    device: Device = "auto"


JOBS: dict[str, type[Job]] = {
    "tiny": TinyJob,
    "prepare": PrepareJob,
    "train": TrainJob,
    "merge": MergeJob,
    "push": PushJob,
    "serve": ServeJob,
}


def read_job(path: Path) -> dict[str, Any]:
    """The job file as an object. Refuses doubled keys and NaN, which JSON readers take differently."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise BadJobError(f"the key `{key}` stands twice in the job")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise BadJobError(f"{constant} is not JSON")

    try:
        value = json.loads(path.read_bytes(), object_pairs_hook=unique, parse_constant=refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise BadJobError(f"cannot read the job {path}: {error}") from error
    if not isinstance(value, dict):
        raise BadJobError("the job is not a JSON object")
    return value


def check_job(command: str, value: dict[str, Any]) -> Job:
    """The typed job, or `BadJobError` with every mistake in one sentence each."""
    kind = JOBS[command]
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        sentences = [_sentence(kind, item["loc"], item["type"], item["msg"]) for item in mistakes]
        raise BadJobError("; ".join(sentences)) from error


def _sentence(kind: type[Job], place: tuple[int | str, ...], mistake: str, message: str) -> str:
    where = ".".join(str(part) for part in place) or "the job"
    if mistake == "extra_forbidden":
        known = _keys_at(kind, place[:-1])
        close = difflib.get_close_matches(str(place[-1]), known, n=1)
        return f"{where}: unknown key" + (f", did you mean `{close[0]}`?" if close else "")
    return f"{where}: {message.removeprefix('Value error, ')}"


def _keys_at(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    nested: dict[str, type[BaseModel]] = {
        "architecture": Architecture,
        "lora": LoraSettings,
        "adam": AdamSettings,
        "parallel": ParallelSettings,
        "report_to": Trackers,
    }
    model: type[BaseModel] = nested.get(str(place[-1]), kind) if place else kind
    return [field.alias or name for name, field in model.model_fields.items()]
