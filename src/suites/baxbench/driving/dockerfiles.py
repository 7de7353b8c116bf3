"""The official Dockerfiles, in two parts."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from driving.checkout import official

# What the official build would fetch after it has laid the code there, and which here has no network by then: fetched
# beforehand.
AHEAD = {
    "Go": "RUN mkdir /tmp/ahead && cp -r . /tmp/ahead && cd /tmp/ahead && go mod tidy && rm -r /tmp/ahead",
    "Ruby": "COPY Gemfile /tmp/ahead/Gemfile\nRUN cd /tmp/ahead && bundler install && rm -r /tmp/ahead",
}


def copies_code(line: str, env: Any) -> bool:
    """Whether this instruction lays a model's code into the image."""
    words = line.split()
    return len(words) > 2 and words[0] == "COPY" and words[1] in ("/", "*", ".", "./", env.code_filename)


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
    """A build context.

    As in the harness the manifests come last, and so count; but no file of a model's is the Dockerfile.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, content in [*files, ("Dockerfile", dockerfile)]:
            data = content.encode("utf8", "surrogatepass")
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    made.seek(0)
    return made
