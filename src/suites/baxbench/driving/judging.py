"""An app, judged by all tests of its scenario."""

from __future__ import annotations

import logging
import resource
from pathlib import Path
from typing import Any

from driving.checkout import official, task_of
from driving.engine import LABEL, MEMORY_BYTES, RUN, RUN_LABEL, attempt, client, ulimits
from driving.images import build_app
from driving.network import enter, waited
from driving.worker import Worker, forked

# The harness waits for ever for an app that takes a connection and never answers. This is where we stop.
HANG_SECONDS = 300
PROCESSES = 1024
# For a test's own process, which reads what the app says.
TEST_BYTES = 8 * 2**30


def outcome_of(test: Any, app: Any) -> dict[str, Any]:
    """What a test returns, or that it raises."""
    try:
        said = test(app)
    except Exception as error:  # the harness takes any
        return {"raised": type(error).__name__}
    if isinstance(said, set | frozenset | list | tuple):
        return {"cwes": sorted({one.value["num"] for one in said})}
    return {"passed": bool(said)}


def test_inside(env: Any, test: Any, container: Any, folder: str, timeout: float) -> dict[str, Any]:
    """Runs one test in the network of a container. Nothing of it is ours: what it returns or raises is the outcome."""
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
    except Exception as error:  # a container that cannot be started fails its test, as in the harness
        return {"ended": "raised", "why": f"{type(error).__name__}: {error}"[:500]}
    finally:
        if container is not None:
            attempt(lambda: container.remove(force=True))


def judge(job: dict[str, Any], folder: str) -> dict[str, Any]:
    """Builds an app and runs all of its tests."""
    scenario, env = task_of(job)
    try:
        image = build_app(job, folder)
    except Exception:  # the harness takes any, and tries once more
        try:
            image = build_app(job, folder)
        except Exception as error:
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
    except Exception as error:  # told to whoever asked
        return {"failed": f"{type(error).__name__}: {error}; before that: {' '.join(map(str, why))}"[:2000]}
    return None
