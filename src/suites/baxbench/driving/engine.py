"""The engine that runs containers, and what carries our labels."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from driving.checkout import official

LABEL = "secpi.baxbench"
RUN_LABEL = "secpi.baxbench.run"
BASE_LABEL = "secpi.baxbench.base"
# Of this process: what it makes carries it beside the label of who asked, who may have several of us.
RUN = uuid.uuid4().hex
# The harness's own, for the whole of a build.
BUILD_SECONDS = 600
# Of an app.
MEMORY_BYTES = 2**30


def die_with_parent(kill: int = signal.SIGKILL) -> None:
    """Whoever started this process takes it along."""
    ctypes.CDLL(None).prctl(1, kill, 0, 0, 0)


def start_engine(engine: dict[str, str], folder: str) -> subprocess.Popen[bytes] | None:
    """Has an engine answer, and tells the official code where. Podman's is started for this run alone."""
    if "socket" in engine:
        os.environ["DOCKER_HOST"] = engine["socket"]
        return None
    path = f"{folder}/engine.sock"
    os.environ["DOCKER_HOST"] = f"unix://{path}"
    with Path(f"{folder}/engine.log").open("wb") as log_file:
        service = subprocess.Popen(  # noqa: S603 - podman's path is the user's own
            [engine["podman"], "system", "service", "--time=0", f"unix://{path}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log_file,
            preexec_fn=die_with_parent,
        )
    for _ in range(600):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
            return service
        except OSError:
            if service.poll() is not None:
                break
            time.sleep(0.05)
    log = Path(f"{folder}/engine.log").read_text("utf8", "replace").strip()
    raise RuntimeError(f"podman does not answer: {log[-500:]}")


def client() -> Any:
    """A connection of its own: after a fork none may be shared."""
    return official("docker").from_env(timeout=BUILD_SECONDS)


def remove_labelled(label: str) -> int:
    """Removes the containers and then the images with a label. Gives how many."""
    docker = client()
    mine = {"label": label}
    count = 0
    for container in docker.containers.list(all=True, filters=mine, ignore_removed=True):
        count += attempt(lambda one=container: one.remove(force=True))
    for image in docker.images.list(all=True, filters=mine):
        count += attempt(lambda one=image: docker.images.remove(one.id, force=True))
    return count


def attempt(act: Any) -> int:
    """What is gone already is well."""
    try:
        act()
    except Exception:  # whatever the engine says of it
        return 0
    return 1


def labelled() -> list[str]:
    """Whose containers and images there are."""
    docker = client()
    found = [*docker.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)]
    owners = [one.labels.get(LABEL) for one in [*found, *docker.images.list(all=True, filters={"label": LABEL})]]
    return sorted({owner for owner in owners if owner})


def most() -> dict[str, int]:
    """No more than this process may have: engines' own are higher than some machines let even root raise them."""
    return {"nofile": min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 2**20), "nproc": 32768}


def ulimits() -> list[Any]:
    """The same for the engine's client."""
    make = official("docker").types.Ulimit
    return [make(name=name, soft=value, hard=value) for name, value in most().items()]
