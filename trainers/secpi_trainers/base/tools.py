"""Versions of what does the work."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "pydantic",
)
OTHER_BACKENDS = ("axolotl", "deepspeed")
"""What only some environments have."""


def tool_versions() -> dict[str, str | None]:
    """Package name → version, `None` where it is not installed. Imports none of them."""
    return {"python": platform.python_version(), **{name: _version(name) for name in (*PACKAGES, *OTHER_BACKENDS)}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
