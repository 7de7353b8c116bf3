"""Images: what all answers to a task share, and an app on it."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from driving.checkout import task_of
from driving.dockerfiles import context_of, dockerfile_of
from driving.engine import BASE_LABEL, BUILD_SECONDS, LABEL, MEMORY_BYTES, RUN, RUN_LABEL, client, die_with_parent, most

BUILD_BYTES = 4 * MEMORY_BYTES
# What the base of a build is called while that runs: a build that is killed leaves a container, of which nothing else
# is known.
BUILD_NAME = f"localhost/secpi-baxbench-run:{RUN}"
# Killed with whoever started it, and all that it has started: a build by itself leaves its steps running.
IN_ITS_OWN = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def build_base(job: dict[str, Any]) -> str:
    """Builds what all answers to a task share, with a network; no code of a model's is in it."""
    scenario, env = task_of(job)
    head, _ = dockerfile_of(scenario, env)
    files = [*env.manifest_files.items()]
    image, _ = client().images.build(
        fileobj=context_of(head, files),
        custom_context=True,
        tag=job["tag"],
        rm=True,
        forcerm=True,
        labels={BASE_LABEL: job["tag"]},
        network_mode=job.get("network"),
    )
    return str(image.id)


def build_app(job: dict[str, Any], folder: str) -> str:
    """Lays a model's code on the base and builds it: its own steps run too, without a network, in little memory."""
    scenario, env = task_of(job)
    _, tail = dockerfile_of(scenario, env)
    # First, so that whatever is left of a build that was killed carries it.
    base = job["base"] if "podman" not in job["engine"] else BUILD_NAME
    dockerfile = f'FROM {base}\nLABEL {LABEL}="{job["owner"]}" {RUN_LABEL}="{RUN}"\n{tail}'
    files = [*((path, text) for path, text in job["files"].items()), *env.manifest_files.items()]
    if "podman" in job["engine"]:
        return build_by_podman(job["engine"]["podman"], job["base"], context_of(dockerfile, files), folder)
    image, _ = client().images.build(
        fileobj=context_of(dockerfile, files),
        custom_context=True,
        rm=True,
        forcerm=True,
        timeout=BUILD_SECONDS,
        network_mode="none",
        container_limits={"memory": BUILD_BYTES},
    )
    return str(image.id)


def podman_says(podman: str, *argv: str) -> str:
    """What podman's command prints; nothing where it fails."""
    return subprocess.run(  # noqa: S603 - podman's path is the user's own
        [podman, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    ).stdout.decode("utf8", "replace")


@contextmanager
def naming() -> Iterator[None]:
    """Only one of us at a time.

    podman (4.3) writes all names of an image anew for each that comes or goes: whoever does so meanwhile takes others
    away.
    """
    path = Path(tempfile.gettempdir()) / f"secpi-baxbench-{os.getuid()}.lock"
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def remove_builds(podman: str) -> None:
    """Removes what is left of a build that was killed."""
    listed = podman_says(podman, "ps", "--all", "--external", "--noheading", "--format={{.ID}} {{.Image}}")
    for line in listed.splitlines():
        if line.split()[1:] == [BUILD_NAME]:
            podman_says(podman, "rm", "--force", line.split()[0])
    with naming():
        podman_says(podman, "untag", BUILD_NAME, BUILD_NAME)


def build_by_podman(podman: str, base: str, context: io.BytesIO, folder: str) -> str:
    """By its own command.

    What podman (4.3) builds for Docker's interface has the machine's network whatever is asked for.
    """
    place = tempfile.mkdtemp(dir=folder)
    with tarfile.open(fileobj=context) as tar:
        for entry in tar:
            path = Path(os.path.normpath(f"{place}/{entry.name}"))
            if not path.is_relative_to(place):
                raise ValueError(f"{entry.name} leaves the app's folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(entry).read())  # type: ignore[union-attr]
    name = f"{place}/.secpi-image"
    limits = [f"--memory={BUILD_BYTES}", f"--memory-swap={BUILD_BYTES}"]
    limits += [f"--ulimit={name}={value}:{value}" for name, value in most().items()]
    options = ["--quiet", "--network=none", "--pull=never", "--layers=false", "--force-rm", f"--iidfile={name}"]
    with naming():
        podman_says(podman, "tag", base, BUILD_NAME)
    done = subprocess.run(  # noqa: S603 - what a model wrote is in the folder, not in the arguments
        [*IN_ITS_OWN, podman, "build", *options, *limits, f"--file={place}/Dockerfile", place],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BUILD_SECONDS,
        preexec_fn=die_with_parent,
        check=False,
    )
    with naming():
        podman_says(podman, "untag", BUILD_NAME, BUILD_NAME)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode("utf8", "replace")[-500:])
    return Path(name).read_text("utf8")


def id_of(name: str) -> str | None:
    """Which image a name means here."""
    try:
        return str(client().images.get(name).id)
    except Exception:  # there is none
        return None
