"""BaxBench's own code, imported from a checkout."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class Stub(types.ModuleType):
    """Stands for a package that the official code imports and that is not used here."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_args, **_more: None


def stub(*names: str) -> None:
    """Of the clients that ask models nothing is used; of the engine's client nothing where only texts are wanted."""
    for name in names:
        sys.modules[name] = Stub(name)


def official(name: str) -> Any:
    """A module of the checkout."""
    return importlib.import_module(name)


def all_tasks() -> list[tuple[Any, Any]]:
    """Scenario and environment of each task."""
    envs = sorted(official("env").all_envs, key=lambda one: one.id)
    scenarios = sorted(official("scenarios").all_scenarios, key=lambda one: one.id)
    return [(scenario, env) for scenario in scenarios for env in envs]


def task_of(job: dict[str, Any]) -> tuple[Any, Any]:
    """Scenario and environment of a job."""
    for scenario, env in all_tasks():
        if scenario.id == job["scenario"] and env.id == job["env"]:
            return scenario, env
    raise RuntimeError(f"there is no task {job['scenario']} in {job['env']}")
