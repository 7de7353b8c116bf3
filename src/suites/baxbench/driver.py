"""
Judges apps by BaxBench's own scenarios: imports a checkout, has an engine for containers build and run what a model wrote, and runs the official tests
against it. Speaks JSON, one document a line. Trusted; what it judges runs in containers without a network, and nowhere else.

    python driver.py tasks CHECKOUT            what there is to ask and to test
    python driver.py parse CHECKOUT            answers on stdin, their files by the official parser
    python driver.py base|judge|list|remove CHECKOUT    with an engine; the job is the first line of stdin, which is then held open

Whoever lets go of stdin ends it: a second process of ours then removes all that this run has labelled.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib
import inspect
import io
import json
import logging
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import types
import uuid
from pathlib import Path
from typing import Any, NoReturn

LABEL = "secpi.baxbench"
RUN_LABEL = "secpi.baxbench.run"
BASE_LABEL = "secpi.baxbench.base"
# Of this process: what it makes carries it beside the label of who asked, who may have several of us.
RUN = uuid.uuid4().hex

# Where tests find the app: an address that is not its loopback, as behind a published port. An app that listens to 127.0.0.1 alone is not found.
ADDRESS = "192.0.2.1"
# The harness's own: for the whole of a build, for a test, between two looks at whether the app is up.
BUILD_SECONDS = 600
POLL_SECONDS = 1.0
# The harness waits for ever for an app that takes a connection and never answers. This is where we stop.
HANG_SECONDS = 300
MEMORY_BYTES = 2**30
PROCESSES = 1024
BUILD_BYTES = 4 * MEMORY_BYTES
CLONE_NEWNET = 0x40000000
# For a test's own process, which reads what the app says.
TEST_BYTES = 8 * 2**30


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


# --- Dockerfiles ---


def copies_code(line: str, env: Any) -> bool:
    """Whether this instruction lays a model's code into the image."""
    words = line.split()
    return len(words) > 2 and words[0] == "COPY" and words[1] in ("/", "*", ".", "./", env.code_filename)


# What the official build would fetch after it has laid the code there, and which here has no network by then: fetched beforehand.
AHEAD = {
    "Go": "RUN mkdir /tmp/ahead && cp -r . /tmp/ahead && cd /tmp/ahead && go mod tidy && rm -r /tmp/ahead",
    "Ruby": "COPY Gemfile /tmp/ahead/Gemfile\nRUN cd /tmp/ahead && bundler install && rm -r /tmp/ahead",
}


def dockerfile_of(scenario: Any, env: Any) -> tuple[str, str]:
    """The official Dockerfile in two parts: what all answers share, and what begins with an answer's code."""
    needed = scenario.needed_packages
    commands = [
        *official("env.base").COMMON_DOCKER_RUN_COMMANDS,
        *needed.get("_all_", []),
        *needed.get(env.language, []),
    ]
    lines = env.build_only_docker_image_file(commands).splitlines()
    for index, line in enumerate(lines):
        if copies_code(line, env):
            ahead = AHEAD.get(env.language)
            head = [*lines[:index], *([] if ahead is None else [ahead])]
            return "\n".join(head) + "\n", "\n".join(lines[index:]) + "\n"
    raise SystemExit(f"the Dockerfile of {env.id} copies no code")


def context_of(dockerfile: str, files: list[tuple[str, str]]) -> io.BytesIO:
    """A build context. As in the harness the manifests come last, and so count; but no file of a model's is the Dockerfile."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, content in [*files, ("Dockerfile", dockerfile)]:
            data = content.encode("utf8", "surrogatepass")
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    made.seek(0)
    return made


# --- Texts ---

WATCHES = ("memory_usage", "monitor_container_resources", "time.time", "time.monotonic", "perf_counter")


def described() -> dict[str, Any]:
    """All tasks with their prompts, for whoever asks models."""
    cwe = official("cwes").CWE
    tasks = []
    for scenario, env in all_tasks():
        head, _ = dockerfile_of(scenario, env)
        tests = [*scenario.functional_tests, *scenario.security_tests]
        tasks.append(
            {
                "scenario": scenario.id,
                "env": env.id,
                "language": env.language,
                "code_file": None if env.is_multi_file else env.code_filename,
                "prompts": {
                    style: scenario.build_prompt(env, "openapi", style, agent=False)
                    for style in ("none", "generic", "specific")
                },
                "functional_tests": [test.__name__ for test in scenario.functional_tests],
                "security_tests": [test.__name__ for test in scenario.security_tests],
                "cwes": sorted(one.value["num"] for one in scenario.potential_cwes),
                "alone": any(word in inspect.getsource(test) for test in tests for word in WATCHES),
                "base": hashlib.sha256(json.dumps([head, env.manifest_files], sort_keys=True).encode()).hexdigest()[:16],
                "from": [line.split()[1] for line in head.splitlines() if line.startswith("FROM ")],
            }
        )
    sources = {
        scenario.id: [inspect.getsource(test) for test in [*scenario.functional_tests, *scenario.security_tests]]
        for scenario in official("scenarios").all_scenarios
    }
    return {
        "system": official("prompts")._SYSTEM_PROMPT,
        "cwes": [one.value for one in cwe],
        "sources": sources,
        "tasks": tasks,
    }


def parse_answers() -> None:
    """For each line of stdin, `{env, answer}`: the files that the official parser takes out of it."""
    parser = official("prompts").Parser
    envs = {env.id: env for env in official("env").all_envs}
    quiet = logging.getLogger("parser")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    for line in sys.stdin:
        asked = json.loads(line)
        files = parser(envs[asked["env"]], quiet).parse_response(asked["answer"])
        tell({"files": {str(path): content for path, content in files.items()}})


def tell(what: Any) -> None:
    """A line to whoever started us."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


# --- The engine ---


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
    service = subprocess.Popen(
        [engine["podman"], "system", "service", "--time=0", f"unix://{path}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=open(f"{folder}/engine.log", "wb"),
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
    except Exception:  # noqa: BLE001: whatever the engine says of it
        return 0
    return 1


def labelled() -> list[str]:
    """Whose containers and images there are."""
    docker = client()
    found = [*docker.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)]
    owners = [one.labels.get(LABEL) for one in [*found, *docker.images.list(all=True, filters={"label": LABEL})]]
    return sorted({owner for owner in owners if owner})


# --- Images ---


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
    """Lays a model's code on the base and builds it: its own steps run here too, so there is no network, and little memory."""
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


# What the base of a build is called while that runs: a build that is killed leaves a container, of which nothing else is known.
BUILD_NAME = f"localhost/secpi-baxbench-run:{RUN}"
# Killed with whoever started it, and all that it has started: a build by itself leaves its steps running.
IN_ITS_OWN = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def podman_says(podman: str, *argv: str) -> str:
    """What podman's command prints; nothing where it fails."""
    return subprocess.run(
        [podman, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    ).stdout.decode("utf8", "replace")


def remove_builds(podman: str) -> None:
    """Removes what is left of a build that was killed."""
    listed = podman_says(podman, "ps", "--all", "--external", "--noheading", "--format={{.ID}} {{.Image}}")
    for line in listed.splitlines():
        if line.split()[1:] == [BUILD_NAME]:
            podman_says(podman, "rm", "--force", line.split()[0])
    podman_says(podman, "untag", BUILD_NAME, BUILD_NAME)


def build_by_podman(podman: str, base: str, context: io.BytesIO, folder: str) -> str:
    """By its own command: what podman (4.3) builds for Docker's interface has the machine's network whatever is asked for."""
    place = tempfile.mkdtemp(dir=folder)
    with tarfile.open(fileobj=context) as tar:
        for entry in tar:
            path = os.path.join(place, os.path.normpath(entry.name))
            if not path.startswith(f"{place}/"):
                raise ValueError(f"{entry.name} leaves the app's folder")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(tar.extractfile(entry).read())  # type: ignore[union-attr]
    name = f"{place}/.secpi-image"
    limits = [f"--memory={BUILD_BYTES}", f"--memory-swap={BUILD_BYTES}"]
    limits += [f"--ulimit={name}={value}:{value}" for name, value in most().items()]
    options = ["--quiet", "--network=none", "--pull=never", "--layers=false", "--force-rm", f"--iidfile={name}"]
    podman_says(podman, "tag", base, BUILD_NAME)
    done = subprocess.run(
        [*IN_ITS_OWN, podman, "build", *options, *limits, f"--file={place}/Dockerfile", place],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BUILD_SECONDS,
        preexec_fn=die_with_parent,
        check=False,
    )
    podman_says(podman, "untag", BUILD_NAME, BUILD_NAME)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode("utf8", "replace")[-500:])
    return Path(name).read_text("utf8")


def task_of(job: dict[str, Any]) -> tuple[Any, Any]:
    """Scenario and environment of a job."""
    for scenario, env in all_tasks():
        if scenario.id == job["scenario"] and env.id == job["env"]:
            return scenario, env
    raise RuntimeError(f"there is no task {job['scenario']} in {job['env']}")


# --- Tests ---


class NeverUp(Exception):
    """The app runs, and nobody answers."""


def enter(pid: int) -> None:
    """Puts this process into the network of a container, which has no other, and finds the app under a name that the official tests use."""
    if ctypes.CDLL(None, use_errno=True).setns(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "the network of a container cannot be entered")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(ADDRESS))
        fcntl.ioctl(probe, 0x8916, address)  # SIOCSIFADDR
    real = socket.getaddrinfo

    def find(host: Any, *args: Any, **more: Any) -> Any:
        return real(ADDRESS if host == "localhost" else host, *args, **more)

    socket.getaddrinfo = find


def is_over(docker: Any, container_id: str) -> bool:
    """Whether an app has ended. Its server is the container's first process, so nothing will listen any more."""
    return docker.containers.get(container_id).status in ("exited", "dead", "stopped")


def wait_until_up(env: Any, container_id: str) -> None:
    """As the harness does: asks once a second, until anything at all answers. Who has ended is not waited for."""
    import requests

    docker = client()
    began = time.time()
    while True:
        over = is_over(docker, container_id)
        try:
            requests.get(f"http://localhost:{env.port}")
            return
        except requests.ConnectionError:
            if over:
                raise RuntimeError("has ended before it listened") from None
        if time.time() - began > env.wait_to_start_time:
            raise NeverUp
        time.sleep(POLL_SECONDS)


def waited(env: Any, container_id: str) -> str:
    """How waiting came out, in a word that can be told to another process."""
    try:
        wait_until_up(env, container_id)
    except NeverUp:
        return "never up"
    except Exception:  # noqa: BLE001: the harness takes any
        return "raised"
    return "up"


def outcome_of(test: Any, app: Any) -> dict[str, Any]:
    """What a test returns, or that it raises."""
    try:
        said = test(app)
    except Exception as error:  # noqa: BLE001: the harness takes any
        return {"raised": type(error).__name__}
    if isinstance(said, set | frozenset | list | tuple):
        return {"cwes": sorted({one.value["num"] for one in said})}
    return {"passed": bool(said)}


def test_inside(env: Any, test: Any, container: Any, folder: str, timeout: float) -> dict[str, Any]:
    """Runs one test in the network of a container. Not a word of it is ours: what it returns or raises is the outcome."""
    resource.setrlimit(resource.RLIMIT_AS, (TEST_BYTES, TEST_BYTES))
    container.reload()
    pid = container.attrs["State"]["Pid"]
    if pid == 0:
        return {"ended": "raised"}
    enter(pid)
    up = forked(lambda: waited(env, container.id), HANG_SECONDS)
    if up != "up":
        return {"ended": up or "hangs"}
    quiet = logging.getLogger("app")
    ran_before = env.process_still_running(container.id, quiet)
    app = official("scenarios.base").AppInstance(
        port=env.port, log_file_path=Path(folder) / f"{test.__name__}.log", container_id=container.id, env=env
    )
    said = forked(lambda: outcome_of(test, app), timeout)
    if said is None:
        return {"ended": "timed out"}
    if "raised" in said:
        return {"ended": "raised"}
    return {"ended": "well", **said, "crashed": ran_before and not env.process_still_running(container.id, quiet)}


def most() -> dict[str, int]:
    """No more than this process may have: engines' own limits are higher than some machines let even root raise them."""
    return {"nofile": min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 2**20), "nproc": 32768}


def ulimits() -> list[Any]:
    """The same for the engine's client."""
    make = official("docker").types.Ulimit
    return [make(name=name, soft=value, hard=value) for name, value in most().items()]


def run_test(job: dict[str, Any], env: Any, test: Any, image: str, folder: str) -> dict[str, Any]:
    """One test against a container of its own."""
    docker = client()
    container = None
    try:
        container = docker.containers.run(
            image,
            detach=True,
            labels={LABEL: job["owner"], RUN_LABEL: RUN},
            network_mode="none",
            mem_limit=MEMORY_BYTES,
            pids_limit=PROCESSES,
            security_opt=["no-new-privileges"],
            ulimits=ulimits(),
        )
        return test_inside(env, test, container, folder, job["timeout"])
    except Exception as error:  # noqa: BLE001: a container that cannot be started fails its test, as in the harness
        return {"ended": "raised", "why": f"{type(error).__name__}: {error}"[:500]}
    finally:
        if container is not None:
            attempt(lambda: container.remove(force=True))


def judge(job: dict[str, Any], folder: str) -> dict[str, Any]:
    """Builds an app and runs all of its tests."""
    scenario, env = task_of(job)
    try:
        image = build_app(job, folder)
    except Exception:  # noqa: BLE001: the harness takes any, and tries once more
        try:
            image = build_app(job, folder)
        except Exception as error:  # noqa: BLE001
            return works(job, error) or {"built": False, "why": f"{type(error).__name__}: {error}"[-500:], "tests": []}
    tests = [*scenario.functional_tests, *scenario.security_tests]

    def outcomes(of: list[Any]) -> list[dict[str, Any]]:
        workers = [Worker(lambda test=test: run_test(job, env, test, image, folder)) for test in of]
        return [worker.said() for worker in workers]

    said = outcomes(tests[:1])
    # Who runs and does not listen costs a minute a test, and nothing else: all at once then.
    alone = said[0] is None or said[0]["ended"] != "never up"
    for group in [[test] for test in tests[1:]] if alone else [tests[1:]]:
        said += outcomes(group)
    attempt(lambda: client().images.remove(image, force=True))
    if any(one is None or "why" in one for one in said):
        broken = works(job, *(one["why"] for one in said if one is not None and "why" in one))
        if broken is not None:
            return broken
    said = [one or {"ended": "raised"} for one in said]
    return {
        "built": True,
        "tests": [{"name": test.__name__, **outcome} for test, outcome in zip(tests, said, strict=True)],
    }


def works(job: dict[str, Any], *why: object) -> dict[str, Any] | None:
    """Whether containers can be started at all: else it is not the app's fault that its own were not."""
    try:
        client().containers.run(
            job["base"],
            ["true"],
            entrypoint=[],
            remove=True,
            labels={LABEL: job["owner"], RUN_LABEL: RUN},
            network_mode="none",
            ulimits=ulimits(),
        )
    except Exception as error:  # noqa: BLE001: told to whoever asked
        return {"failed": f"{type(error).__name__}: {error}; before that: {' '.join(map(str, why))}"[:2000]}
    return None


class Worker:
    """A function that runs in a process of its own."""

    def __init__(self, act: Any) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._reader)
                die_with_parent()
                with os.fdopen(writer, "wb") as out:
                    out.write(json.dumps(act()).encode())
            finally:
                os._exit(0)
        os.close(writer)

    def said(self, seconds: float | None = None) -> Any:
        """What it said; `None` when that is nothing in time, or ever. The process is gone then."""
        end = None if seconds is None else time.monotonic() + seconds
        text = b""
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            chunk = os.read(self._reader, 65536) if select.select([self._reader], [], [], left)[0] else None
            if not chunk:
                break
            text += chunk
        os.close(self._reader)
        attempt(lambda: os.kill(self._pid, signal.SIGKILL))
        os.waitpid(self._pid, 0)
        return json.loads(text) if chunk == b"" and text else None


def forked(act: Any, seconds: float) -> Any:
    """What a function says that may take so long."""
    return Worker(act).said(seconds)


# --- Whoever watches ---


def with_engine(command: str, job: dict[str, Any]) -> None:
    """Does something with an engine. A process in a session of its own holds the engine and stdin, and removes what is left at the end of either."""
    folder = tempfile.mkdtemp(prefix="secpi-baxbench-")
    ready, told = os.pipe()
    worker = os.getpid()
    if os.fork() == 0:
        os.setsid()
        os.close(ready)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(watch(worker, job, folder, told))
    os.close(told)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with os.fdopen(ready, "r") as heard:
        engine = json.loads(heard.readline() or '{"failed": "whoever watches is gone"}')
    if "failed" in engine:
        tell(engine)
        return
    os.environ.update(engine)
    if command == "list":
        tell({"owners": labelled()})
    elif command == "remove":
        tell({"removed": sum(remove_labelled(f"{LABEL}={owner}") for owner in job["owners"])})
    elif command == "base":
        try:
            tell({"image": build_base(job)})
        except Exception as error:  # noqa: BLE001: told to whoever asked
            tell({"refused": f"{type(error).__name__}: {error}"[-1000:]})
    elif command == "images":
        tell({"images": {name: id_of(name) for name in job["images"]}})
    else:
        tell(judge(job, folder))


def id_of(name: str) -> str | None:
    """Which image a name means here."""
    try:
        return str(client().images.get(name).id)
    except Exception:  # noqa: BLE001: there is none
        return None


def watch(worker: int, job: dict[str, Any], folder: str, told: int) -> int:
    """Waits until stdin ends, which it does when whoever started us is gone or has what it wanted."""
    service = None
    try:
        service = start_engine(job["engine"], folder)
        os.write(told, json.dumps({"DOCKER_HOST": os.environ["DOCKER_HOST"]}).encode() + b"\n")
        os.close(told)
        while os.read(0, 4096) != b"":
            pass
        attempt(lambda: os.kill(worker, signal.SIGKILL))
        if "podman" in job["engine"]:
            remove_builds(job["engine"]["podman"])
        remove_labelled(f"{RUN_LABEL}={RUN}")
    except Exception as error:  # noqa: BLE001: told to whoever asked
        attempt(lambda: os.write(told, json.dumps({"failed": str(error)}).encode() + b"\n"))
    finally:
        if service is not None:
            service.terminate()
            service.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def main() -> NoReturn:
    """The command line above."""
    command, checkout = sys.argv[1:3]
    sys.path.insert(0, f"{checkout}/src")
    sys.dont_write_bytecode = True
    stub("openai", "openai.types", "openai.types.chat", "anthropic", "anthropic.types", "httpx")
    if command in ("tasks", "parse"):
        stub("docker", "docker.errors", "docker.models", "docker.models.containers")
        tell(described()) if command == "tasks" else parse_answers()
    else:
        with_engine(command, json.loads(sys.stdin.readline()))
    sys.exit(0)


if __name__ == "__main__":
    main()
