"""What models are asked, and how their answers are read."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import sys
from typing import Any

from driving.checkout import all_tasks, official
from driving.dockerfiles import dockerfile_of

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
                "base": hashlib.sha256(json.dumps([head, env.manifest_files], sort_keys=True).encode()).hexdigest()[
                    :16
                ],
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
