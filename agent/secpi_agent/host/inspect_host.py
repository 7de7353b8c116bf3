"""What there is on this machine for jobs. Facts only: whoever asked judges them."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from ..jobs.spec import at_home
from .packages import wrong_packages

_QUICK_SECONDS = 10.0


class Request(TypedDict):
    """`cuda_seconds`: how long CUDA may take to answer; it is not asked when that is 0."""

    root: str
    packages: dict[str, str]
    cuda_seconds: float


def inspect_host(request: Request) -> dict[str, Any]:
    """All facts, a section each."""
    facts = {name: look(request) for name, look in SECTIONS.items()}
    # Last, so that it is as old as the answer when it arrives.
    return {"type": "facts", **facts, "time": time.time()}


def _machine(_request: Request) -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _python(request: Request) -> dict[str, Any]:
    wrong = wrong_packages(request["packages"])
    return {"version": platform.python_version(), "executable": sys.executable, "wrong_packages": wrong}


def _disk(request: Request) -> dict[str, Any]:
    root = at_home(request["root"])
    folder = root
    while not folder.exists():
        folder = folder.parent
    room = os.statvfs(folder)
    return {
        "root": str(root),
        "writable": os.access(folder, os.W_OK | os.X_OK),
        "free_bytes": room.f_bavail * room.f_frsize,
    }


def _limits(_request: Request) -> dict[str, int | None]:
    """What `ulimit` says for whoever logs in as we did; None where there is no limit."""
    known = {
        "open_files": resource.RLIMIT_NOFILE,
        "processes": resource.RLIMIT_NPROC,
        "memory_bytes": resource.RLIMIT_AS,
        "file_bytes": resource.RLIMIT_FSIZE,
        "cpu_seconds": resource.RLIMIT_CPU,
    }
    # A program may raise its own limit as far as the second one.
    limits = {name: resource.getrlimit(number)[1] for name, number in known.items()}
    return {name: None if limit == resource.RLIM_INFINITY else limit for name, limit in limits.items()}


def _programs(_request: Request) -> dict[str, str | None]:
    return {name: shutil.which(name) for name in ("rsync", "podman", "docker", "apptainer", "singularity")}


def _containers(_request: Request) -> dict[str, str | None]:
    """Versions of the engines that answer; None for a client without one."""
    questions = {
        "podman": ("info", "--format", "{{.Version.Version}}"),
        "docker": ("version", "--format", "{{.Server.Version}}"),
        "apptainer": ("--version",),
        "singularity": ("--version",),
    }
    return {name: _ask(name, *asked) or None for name, asked in questions.items() if shutil.which(name)}


def _gpus(_request: Request) -> dict[str, Any]:
    driver = Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()
    said = _ask("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
    return {"driver_loaded": driver, "nvidia_smi": said is not None, "devices": (said or "").splitlines()}


# In a process of its own: what CUDA does to one that asks it, and how long that takes, is nobody's to know.
_ASK_CUDA = """
import json
said = {"torch": None, "built_for": None, "devices": 0, "problem": None}
try:
    import torch
    said.update(torch=torch.__version__, built_for=torch.version.cuda)
    if torch.version.cuda is None:
        said["problem"] = "this build of PyTorch computes on the CPU only"
    else:
        torch.cuda.init()
        torch.zeros(1, device="cuda").item()
        said["devices"] = torch.cuda.device_count()
except Exception as error:
    said["problem"] = (str(error).splitlines() or [type(error).__name__])[0]
print(json.dumps(said))
"""


def _cuda(request: Request) -> dict[str, Any] | None:
    seconds = request["cuda_seconds"]
    if seconds <= 0:
        return None
    said = _ask(sys.executable, "-I", "-c", _ASK_CUDA, seconds=seconds)
    last = (said or "").splitlines()[-1:]
    if last:
        facts: dict[str, Any] = json.loads(last[0])
        return facts
    problem = f"PyTorch died, or said nothing within {seconds:.0f} seconds"
    return {"torch": None, "built_for": None, "devices": 0, "problem": problem}


def _ask(*argv: str, seconds: float = _QUICK_SECONDS) -> str | None:
    """What a program prints; None when it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


SECTIONS: dict[str, Callable[[Request], Any]] = {
    "machine": _machine,
    "python": _python,
    "disk": _disk,
    "limits": _limits,
    "programs": _programs,
    "containers": _containers,
    "gpus": _gpus,
    "cuda": _cuda,
}
"""Another section is another line here; `src/compute/host-facts.ts` says what it looks like."""
