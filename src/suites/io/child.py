"""Runs a function in a process of its own that writes down what came of it, one line for each thing it has to say.

Lines end up in a file that the judge reads afterwards. What is expected is not in this sandbox, so that they can say
nothing but what the program worked out.
"""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

FOUR_GIB = 4 * 1024 * 1024 * 1024


def run_child(work: Callable[[Callable[[Any], None]], None], seconds: float, report: Any) -> None:
    """`work` gets a function that says something. After `seconds` it is killed.

    `report` gets each line, and last `killed`, `gone` or what the child said last.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            silence()
            roomy_stack()
            leave = os._exit
            with os.fdopen(os.dup(write_end), "w", encoding="utf-8", errors="surrogatepass") as lines:

                def say(thing: Any) -> None:
                    lines.write(json.dumps(thing) + "\n")
                    lines.flush()

                work(say)
        except BaseException:
            os._exit(1)
        leave(0)
    os.close(write_end)
    deadline = time.monotonic() + seconds
    rest = b""
    ended = False
    while not ended:
        left = deadline - time.monotonic()
        ready = select.select([read_end], [], [], max(0.0, left))[0]
        if not ready:
            report.write('"killed"\n')
            break
        chunk = os.read(read_end, 1 << 20)
        ended = chunk == b""
        rest += chunk
        *whole, rest = rest.split(b"\n")
        for line in whole:
            report.write(line.decode("utf-8", "replace") + "\n")
        if any(line == b'"done"' for line in whole):
            break
    else:
        report.write('"gone"\n')
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read_end)


def silence() -> None:
    """Whatever is written to the real output is lost, and there is nothing to read."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def roomy_stack() -> None:
    """The stack may grow as far as the official harness lets it, or as the sandbox does."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    soft = FOUR_GIB if hard == resource.RLIM_INFINITY else min(FOUR_GIB, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))
