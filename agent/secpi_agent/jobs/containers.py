"""
Programs of a job in a container: one for each step, with a name of its own, so that there cannot be two.

A container is no child of who starts it, so it outlives a supervisor that is killed; it is found by its name.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..base.processes import MARK
from ..errors import AgentError
from .outputs import sha256_of
from .secrets_file import write_for_shell
from .spec import Container, Spec

_STACK_BYTES = 1 << 26
_CALL_SECONDS = 120.0
_LOOK_SECONDS = 0.2

_REMOVALS = 20
_REMOVAL_SECONDS = 0.5

_SHELL_WITH_SECRETS = 'set -a; . "$0"; set +a; rm -f "$0"; exec "$@"'


class Inside(NamedTuple):
    """What a program in a container gets to see. Paths are the same inside and outside."""

    name: str
    argv: list[str]
    env: dict[str, str]
    secrets: dict[str, str]
    work: Path
    documents: Path
    events: Path
    inputs: list[str]
    mark: str
    network: bool
    grace_seconds: float


def engine_path(engine: str) -> str:
    """The program. Throws `container/no-engine`."""
    found = shutil.which(engine, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
    if found is None:
        raise AgentError("container/no-engine", f"there is no {engine} here", "Install it, or name another engine.")
    return found


def ensure_image(container: Container, must_stop: Callable[[], bool]) -> None:
    """
    Sees to it that the image is here. It is fetched once, by its digest; after that nothing is asked of a registry.

    Throws `container/no-image`, `container/no-engine`. Returns early when it must stop.
    """
    engine, image = engine_path(container["engine"]), container["image"]
    name, digest = _split(image)
    if container["engine"] == "apptainer":
        path = Path(name)
        if not path.is_file():
            raise AgentError("container/no-image", f"there is no image {name} here", "Bring the .sif file there.")
        if sha256_of(path) != digest:
            raise AgentError(
                "container/no-image", f"{name} is another image than the recipe names", "See its sha256sum."
            )
        return
    # By id where the recipe names no repository: such an image was built or loaded here.
    reference = image if name else digest
    if _quiet(engine, "image", "inspect", reference).returncode == 0:
        return
    if _quiet(engine, "info").returncode != 0:
        hint = f"Start it, or give your user access to it: `{container['engine']} info` says what is wrong."
        raise AgentError("container/no-engine", f"{container['engine']} does not answer here", hint)
    if not name:
        hint = f"Build or load it there: `{container['engine']} images --no-trunc` lists those that there are."
        raise AgentError("container/no-image", f"there is no image sha256:{digest[:12]}… here", hint)
    hint = f"Build or load it there, or check the name: `{container['engine']} pull {image}`."
    code, text = _fetch([engine, "pull", "--quiet", reference], must_stop)
    if must_stop():
        return
    if code != 0:
        said = text.strip().splitlines() or ["it does not say why"]
        raise AgentError("container/no-image", f"the image {image} cannot be fetched: {said[-1]}", hint)


def _split(image: str) -> tuple[str, str]:
    """The name, which may be empty, and the hex digest."""
    name, _, digest = image.rpartition("sha256:")
    return name.removesuffix("@"), digest


def wrap(container: Container, inside: Inside) -> list[str]:
    """The argv that runs a program in a container. Throws `container/no-gpu`, `container/no-engine`."""
    if container["engine"] == "apptainer":
        return _apptainer(container, inside)
    engine = engine_path(container["engine"])
    name, digest = _split(container["image"])
    env = {**inside.env, MARK: inside.mark, "HOME": str(inside.work)}
    argv = [
        *(engine, "run", f"--name={inside.name}", f"--label=secpi.job={inside.mark}"),
        # It passes signals on and reaps; what is told to stop saves a checkpoint first.
        *("--init", "--pull=never", "--stop-signal=TERM", f"--stop-timeout={int(inside.grace_seconds)}"),
        # What it prints is kept by us.
        "--log-driver=none",
        *("--cap-drop=all", "--security-opt=no-new-privileges"),
        *(_with_sandboxes(container["engine"]) if container["sandboxes"] else []),
        "--network=host" if inside.network else "--network=none",
        *_limits(container["engine"]),
        *_as_this_user(container["engine"]),
        *(_gpus(container["engine"]) if container["gpus"] else []),
        *(f"--env={name}={value}" for name, value in env.items()),
        *(f"--volume={path}" for path in _bound(container, inside)),
        f"--workdir={inside.work}",
        "--entrypoint=",
        container["image"] if name else digest,
    ]
    return [*argv, *_with_secrets(inside)]


def _bound(container: Container, inside: Inside) -> list[str]:
    """What it sees of the host, at the same paths. Of its attempt it may write events, nothing that proves an end."""
    inside.events.touch(mode=0o600)
    inside.documents.mkdir(mode=0o700, exist_ok=True)
    read = [*inside.inputs, *container["mounts"], str(inside.documents)]
    write = [str(inside.work), str(inside.events)]
    if inside.secrets and container["engine"] != "apptainer":
        # It removes them once it has read them.
        write.append(str(write_for_shell(secrets_of(inside.documents), inside.secrets).parent))
    # What separates the parts of one option; Apptainer takes several paths in one.
    separators, hint = (":,", "a colon or comma") if container["engine"] == "apptainer" else (":", "a colon")
    odd = next((path for path in read + write if any(mark in path for mark in separators)), None)
    if odd is not None:
        raise AgentError("container/bad-path", f"{odd} cannot be given to a container", f"Use a path without {hint}.")
    return [*(f"{path}:{path}:ro" for path in read), *(f"{path}:{path}:rw" for path in write)]


def secrets_of(documents: Path) -> Path:
    """The folder by which a container gets its secrets."""
    return documents.parent / "secrets"


def _with_secrets(inside: Inside) -> list[str]:
    if not inside.secrets:
        return inside.argv
    file = secrets_of(inside.documents) / "environment"
    return ["/bin/sh", "-c", _SHELL_WITH_SECRETS, str(file), *inside.argv]


def _apptainer(container: Container, inside: Inside) -> list[str]:
    """
    It runs as a child of ours and as this user; so it needs neither a name nor to be removed.

    Variables go by its own (see `environment`): in its arguments a comma would be taken for two.
    """
    name, _ = _split(container["image"])
    return [
        *(engine_path("apptainer"), "exec", "--containall", "--cleanenv", "--no-home"),
        *(["--nv"] if container["gpus"] else []),
        *(f"--bind={path}" for path in _bound(container, inside)),
        *("--pwd", str(inside.work)),
        name,
        *inside.argv,
    ]


def environment(container: Container, inside: Inside) -> dict[str, str]:
    """What the engine itself sees."""
    if container["engine"] != "apptainer":
        return dict(os.environ)
    given = {**inside.env, **inside.secrets, MARK: inside.mark}
    return {**os.environ, **{f"APPTAINERENV_{name}": value for name, value in given.items()}}


def _limits(engine: str) -> list[str]:
    """
    What training on several GPUs wants: pinned memory, and shared memory between its processes.

    The daemon of Docker may raise limits; podman may not where this user may not, and then starts nothing.
    """
    if engine == "docker":
        return ["--shm-size=16g", "--ulimit=memlock=-1", f"--ulimit=stack={_STACK_BYTES}"]
    _, locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    stack = _STACK_BYTES if most == resource.RLIM_INFINITY else min(most, _STACK_BYTES)
    return ["--shm-size=16g", f"--ulimit=memlock={locked}:{locked}", f"--ulimit=stack={stack}:{most}"]


def _as_this_user(engine: str) -> list[str]:
    """So that what it makes belongs to who runs the job."""
    if engine == "podman" and os.getuid() != 0:
        return ["--userns=keep-id"]
    return [f"--user={os.getuid()}:{os.getgid()}"]


_RIGHTS_TO_ISOLATE = ("SYS_ADMIN", "NET_ADMIN", "SETUID", "SETGID", "SETPCAP", "CHOWN", "DAC_OVERRIDE")
"""
Of root, who makes no user namespace: to mount, to bring up the loopback device of an empty network, to become somebody
else for good, and to write into a folder that is somebody else's.
"""


def _with_sandboxes(engine: str) -> list[str]:
    """
    What bubblewrap needs inside. None of it reaches what runs in the sandbox.

    As an ordinary user it makes a user namespace, in which the kernel lets nobody mount a /proc as long as parts of the
    one outside are covered. Unlike podman's, Docker's filter of system calls lets nobody make namespaces, and its
    AppArmor profile nobody mount.
    """
    added = [f"--cap-add={right}" for right in _RIGHTS_TO_ISOLATE] if os.getuid() == 0 else []
    if engine == "podman":
        return [*added, "--security-opt=unmask=ALL"]
    return [*added, *(f"--security-opt={part}=unconfined" for part in ("systempaths", "seccomp", "apparmor"))]


def _gpus(engine: str) -> list[str]:
    """
    How the engine gives a container the GPUs. Throws `container/no-gpu`.

    By a CDI specification where there is one (podman 4.1, docker 25 and later), else by the hook of the NVIDIA toolkit.
    """
    if any(_names_gpu(path) for folder in ("/etc/cdi", "/var/run/cdi") for path in Path(folder).glob("*")):
        return ["--device=nvidia.com/gpu=all"]
    if engine == "docker" and shutil.which("nvidia-container-runtime-hook", path="/usr/bin:/usr/local/bin"):
        return ["--gpus=all"]
    if engine == "podman" and any(Path("/usr/share/containers/oci/hooks.d").glob("*nvidia*")):
        return ["--security-opt=label=disable", "--env=NVIDIA_VISIBLE_DEVICES=all"]
    raise AgentError(
        "container/no-gpu",
        f"{engine} has no way here to give a container the GPU",
        "Install the NVIDIA Container Toolkit and run `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.",
    )


def _names_gpu(path: Path) -> bool:
    try:
        return "nvidia.com/gpu" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def name_of(key: str, step: str) -> str:
    """The one name of a step's container, in whatever attempt."""
    return f"{key}-{step}"


def remove(engine: str, name: str) -> None:
    """
    Ends and removes a container, if there is one.

    On a busy machine podman may give up before it has died, and leave it as `stopping`; so it is asked again.
    """
    if engine == "apptainer":
        return
    program = engine_path(engine)
    for _ in range(_REMOVALS):
        removed = _quiet(program, "rm", "--force", *(["--time=0"] if engine == "podman" else []), name)
        if removed.returncode == 0 or _quiet(program, "container", "inspect", name).returncode != 0:
            return
        time.sleep(_REMOVAL_SECONDS)


def remove_all(spec: Spec) -> None:
    """Removes whatever containers a job has left."""
    container = spec["container"]
    if container is not None:
        for step in spec["steps"]:
            remove(container["engine"], name_of(spec["key"], step["name"]))


def _fetch(argv: list[str], must_stop: Callable[[], bool]) -> tuple[int, str]:
    """What it exits with and complains of; it is ended when we must stop: an image can take an hour."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        while child.poll() is None:
            if must_stop():
                child.terminate()
            time.sleep(_LOOK_SECONDS)
        said.seek(0)
        return child.returncode, said.read().decode("utf-8", "replace")


def _quiet(*argv: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_CALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        # A daemon that hangs must not keep a job from saying how it ended.
        return subprocess.CompletedProcess(argv, 124, "", f"{argv[0]} does not answer")
