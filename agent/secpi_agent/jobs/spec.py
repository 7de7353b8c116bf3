"""What is to be run, as the orchestrator writes it; its paths are filled in here, where it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, cast

from ..errors import AgentError


class Step(TypedDict):
    """
    One program of a job. `documents` are JSON files that it reads, by name; `{job:NAME}` is where one stands.

    `launch`: `one`, or `per-node`: started once on each node of the job, where `{node}` is its number from 0 on,
    `{nodes}` how many there are, `{master}` and `{master_port}` an address on the first of them.
    """

    name: str
    launch: str
    argv: list[str]
    env: dict[str, str]
    documents: dict[str, Any]
    result: str | None


class Output(TypedDict):
    """What is there once the job is done."""

    name: str
    kind: str
    path: str


class Container(TypedDict):
    """
    What programs run in. `engine` is `podman`, `docker` or `apptainer`; `image` ends in `sha256:` and a digest.

    `mounts` are folders of the host that they may read, besides the inputs. `sandboxes`: they make sandboxes of their
    own in there, for code that nobody trusts.
    """

    engine: str
    image: str
    gpus: bool
    mounts: list[str]
    sandboxes: bool


class Service(TypedDict):
    """
    Of a job that serves until it is stopped.

    `{host}` stands for `bind`, `{port}` for a free port there. It stops by itself when nobody has renewed it for
    `lease_seconds`.
    """

    bind: str
    lease_seconds: float | None


class Spec(TypedDict):
    """A whole job. Its programs see `env`, their own, the named secrets, and of the environment what `inherit` says."""

    schema: int
    key: str
    steps: list[Step]
    env: dict[str, str]
    inherit: list[str]
    secrets: list[str]
    inputs: dict[str, str]
    outputs: list[Output]
    grace_seconds: float
    container: Container | None
    service: Service | None


def check(value: Any) -> Spec:  # noqa: ANN401 - whatever was sent
    """The value as a spec. Throws `job/bad-spec` for what another version of the orchestrator may mean otherwise."""
    problem = _problem(value, Spec)
    if problem is None:
        inner = [*((one, Step) for one in value["steps"]), *((one, Output) for one in value["outputs"])]
        if value["container"] is not None:
            inner.append((value["container"], Container))
        if value["service"] is not None:
            inner.append((value["service"], Service))
        problem = next((found for one, kind in inner if (found := _problem(one, kind))), None)
    if problem is None and value["container"] is not None and any(step["launch"] != "one" for step in value["steps"]):
        # They would share a name, and one would take away the secrets of the other.
        problem = "it wants containers on several nodes"
    if problem is None and value["schema"] != 1:
        problem = f"its schema is {value['schema']}, not 1"
    if problem is not None:
        raise AgentError("job/bad-spec", f"this agent does not understand the job: {problem}")
    return cast("Spec", value)


def _problem(value: Any, kind: Any) -> str | None:  # noqa: ANN401 - a JSON value and a TypedDict
    if not isinstance(value, dict):
        return f"{kind.__name__} is no object"
    wrong = set(value) ^ set(kind.__annotations__)
    return f"{kind.__name__} has or lacks {', '.join(sorted(wrong))}" if wrong else None


_PLACEHOLDER = re.compile(r"\{(work|events|host|port|in:[A-Za-z0-9._-]+|job:[A-Za-z0-9._-]+)\}")


def at_home(path: str) -> Path:
    """A path as the orchestrator writes it: absolute, or relative to the user's home, which it does not know."""
    return Path.home() / path


class Paths:
    """What the placeholders of a job stand for in one attempt."""

    def __init__(self, spec: Spec, work: Path, documents: Path, events: Path, port: int | None) -> None:
        self._inputs = spec["inputs"]
        self._service = spec["service"]
        self._port = port
        self._work = work
        self._documents = documents
        self._events = events

    def fill(self, value: Any) -> Any:  # noqa: ANN401 - a JSON value, and the same kind of value back
        """The value with every placeholder in its texts replaced."""
        return _filled(value, _PLACEHOLDER, self._path)

    def _path(self, name: str) -> str:
        if name == "work":
            return str(self._work)
        if name == "events":
            return str(self._events)
        if name == "port":
            return str(self._port)
        if name == "host":
            return self._service["bind"] if self._service else "None"
        kind, _, rest = name.partition(":")
        return str(self._documents / rest) if kind == "job" else str(at_home(self._inputs[rest]))


_LAUNCH = re.compile(r"\{(node|nodes|master|master_port)\}")


def fill_launch(value: Any, values: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON value, and the same kind of value back
    """The value with the placeholders replaced that are known only when a program starts."""
    return _filled(value, _LAUNCH, lambda name: str(values[name]))


def _filled(value: Any, placeholder: re.Pattern[str], text: Callable[[str], str]) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return placeholder.sub(lambda match: text(match.group(1)), value)
    if isinstance(value, list):
        return [_filled(item, placeholder, text) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, placeholder, text) for key, item in value.items()}
    return value
