"""Judges apps by BaxBench's own scenarios.

Imports a checkout, has an engine for containers build and run what a model wrote, and runs the official tests against
it. Speaks JSON, one document a line. Trusted; what it judges runs in containers without a network, and nowhere else.

    python driver.py tasks CHECKOUT            what there is to ask and to test
    python driver.py parse CHECKOUT            answers on stdin, their files by the official parser
    python driver.py base|judge|list|remove CHECKOUT    with an engine; stdin's first line is the job, and it stays open

Whoever lets go of stdin ends it: a second process of ours then removes all that this run has labelled.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from typing import Any, NoReturn

from driving.checkout import stub
from driving.engine import LABEL, RUN, RUN_LABEL, attempt, labelled, remove_labelled, start_engine
from driving.images import build_base, id_of, remove_builds
from driving.judging import judge
from driving.texts import described, parse_answers, tell


def with_engine(command: str, job: dict[str, Any]) -> None:
    """Does something with an engine.

    A process in a session of its own holds the engine and stdin, and removes what is left at the end of either.
    """
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
        except Exception as error:  # told to whoever asked
            tell({"refused": f"{type(error).__name__}: {error}"[-1000:]})
    elif command == "images":
        tell({"images": {name: id_of(name) for name in job["images"]}})
    else:
        tell(judge(job, folder))


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
    except Exception as error:  # told to whoever asked
        failed = json.dumps({"failed": str(error)}).encode() + b"\n"
        attempt(lambda: os.write(told, failed))
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
