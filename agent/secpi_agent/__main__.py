"""
`python3 secpi_agent COMMAND`, with one line of JSON on stdin and lines of JSON on stdout.

Standard library only: it runs wherever there is a Python 3.9, before anything of secpi's is installed there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    # Started as a folder, by its path.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __package__ = "secpi_agent"

from .errors import AgentError
from .host.garbage import clear
from .host.inputs import find, take
from .host.inspect_host import inspect_host
from .host.keep import keep
from .host.packages import wrong_packages
from .host.streams import receive, send
from .jobs.cancel import cancel
from .jobs.folder import JobFolder
from .jobs.follow import follow
from .jobs.program import run_node
from .jobs.release import release
from .jobs.service import renew
from .jobs.spec import at_home
from .jobs.start import start
from .jobs.state import state_of
from .queues import cluster
from .queues.queued_supervisor import supervise


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _start(request: Any) -> None:  # noqa: ANN401 - what stdin says
    start(request, _say)


def _follow(request: Any) -> None:  # noqa: ANN401
    follow(JobFolder(at_home(request["folder"])).attempt(request["attempt"]), request["offsets"], _say)


def _poll(request: Any) -> None:  # noqa: ANN401
    _say(state_of(JobFolder(at_home(request["folder"])).attempt(request["attempt"])))


def _renew(request: Any) -> None:  # noqa: ANN401
    attempt = JobFolder(at_home(request["folder"])).attempt(request["attempt"])
    renew(attempt)
    _say(state_of(attempt))


def _cancel(request: Any) -> None:  # noqa: ANN401
    cancel(JobFolder(at_home(request["folder"])).attempt(request["attempt"]))


def _release(request: Any) -> None:  # noqa: ANN401
    release(at_home(request["folder"]))


def _find(request: Any) -> None:  # noqa: ANN401
    _say(find(at_home(request["path"]), request["files"]))


def _take(request: Any) -> None:  # noqa: ANN401
    take(request)


def _keep(request: Any) -> None:  # noqa: ANN401
    _say(keep(request))


def _send(request: Any) -> None:  # noqa: ANN401
    send(request, _say, sys.stdout.buffer)


def _receive(request: Any) -> None:  # noqa: ANN401
    # Nothing has been read beyond the request: the other end waits for an answer to it.
    receive(request, _say, sys.stdin.fileno())


def _garbage(request: Any) -> None:  # noqa: ANN401
    clear(request, _say)


def _inspect(request: Any) -> None:  # noqa: ANN401
    _say(inspect_host(request))


def _packages(request: Any) -> None:  # noqa: ANN401
    _say({"type": "packages", "wrong": wrong_packages(request["wanted"])})


def _supervise(request: Any) -> None:  # noqa: ANN401
    supervise(JobFolder(at_home(request["folder"])), request["attempt"])


def _test(request: Any) -> None:  # noqa: ANN401
    _say(cluster.test(request["launcher"]))


COMMANDS: dict[str, Callable[[Any], None]] = {
    "start": _start,
    "follow": _follow,
    "poll": _poll,
    "renew": _renew,
    "cancel": _cancel,
    "release": _release,
    "find": _find,
    "take": _take,
    "keep": _keep,
    "send": _send,
    "receive": _receive,
    "garbage": _garbage,
    "inspect": _inspect,
    "packages": _packages,
    "supervise": _supervise,
    "test": _test,
}


def main(arguments: list[str]) -> int:
    """Runs one command. 0 when it could be done, 1 after an `error` line, 2 for bad usage."""
    if arguments == ["node"]:
        return run_node(json.loads(sys.stdin.buffer.read()))
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: secpi_agent {{{','.join(COMMANDS)}}}\n")
        return 2
    try:
        COMMANDS[arguments[0]](json.loads(sys.stdin.buffer.readline()))
    except AgentError as error:
        _say({"type": "error", "code": error.code, "message": error.message, "hint": error.hint})
        return 1
    except BrokenPipeError:
        # Whoever listened is gone; what runs goes on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        _say({"type": "error", "code": "job/system", "errno": error.errno, "message": str(error)})
        return 1
    except Exception as error:
        # A fault of ours, or a torn file. Without a word it would be taken for a machine that does not answer.
        sys.excepthook(*sys.exc_info())
        _say({"type": "error", "code": "job/internal", "message": f"the agent failed: {type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
