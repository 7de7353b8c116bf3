"""`doctor`: what this Python can do, as JSON on stdout."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from typing import Any

from .base.tools import PACKAGES, tool_versions


def run_doctor() -> int:
    """Prints the facts; exit code 0, whatever they are."""
    tools = tool_versions()
    facts = {
        "schema": 1,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "tools": tools,
        "missing": [name for name in PACKAGES if tools[name] is None],
        "torch": _torch(),
    }
    sys.stdout.write(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    return 0


def _torch() -> dict[str, Any] | None:
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "devices": [{"name": item.name, "memory_bytes": item.total_memory} for item in devices],
    }
