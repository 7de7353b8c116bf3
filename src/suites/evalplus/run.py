"""Calls an answer's function with the arguments of EvalPlus's tests and writes down what it returns.

    python run.py ANSWER_FILE CALLS_FILE base|plus RESULT_FILE

The surroundings are those of `unsafe_execute` in EvalPlus (Apache-2.0, commit 26d6d00): what is taken away, no input,
swallowed output, the time of each call, and an end with the first one that raises.
"""

import contextlib
import gzip
import json
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from child import run_child
from guard import NoInput, disarm, ready
from inputs import arguments_of
from oracles import AS_SETS, NOT_NONE, ROOT_OF_POLYNOMIAL
from values import encode

LEAST_SECONDS = 4.0
TIMES_THE_REFERENCE = 4.0
MOST_SECONDS = 60.0
# What the harness adds when it waits for the process, and what writing down outputs of a hundred megabytes takes.
GRACE_SECONDS = 2.0 + 60.0


class TimeoutException(Exception):
    """What a call raises that takes too long. The name ends up in verdicts."""


@contextlib.contextmanager
def swallowed() -> Iterator[None]:
    """Meanwhile what is printed is lost, and there is nothing to read."""
    stream = NoInput()
    own = sys.stdin
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        sys.stdin = stream
        try:
            yield
        finally:
            sys.stdin = own


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TimeoutException in what takes longer."""

    def over(*_: Any) -> None:
        raise TimeoutException("Timed out!")

    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.signal(signal.SIGALRM, over)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def observed(entry_point: str, is_mbpp: bool, output: Any, arguments: Any) -> Any:
    """What of an output is compared."""
    if is_mbpp and entry_point in AS_SETS:
        return encode(set(output))
    if is_mbpp and entry_point in NOT_NONE:
        return encode(output if isinstance(output, bool) else output is not None)
    if not is_mbpp and entry_point == ROOT_OF_POLYNOMIAL:
        return [encode(output), encode(arguments)]
    return encode(output)


def main(answer_file: str, calls_file: str, part: str, result_file: str) -> None:
    """Writes what the calls of one part return, gzipped, a line each."""
    with open(answer_file, encoding="utf-8", newline="") as file:
        answer = file.read()
    with open(calls_file, encoding="utf-8") as file:
        calls = json.load(file)
    is_mbpp = calls["task"].startswith("Mbpp/")
    entry_point = calls["entry_point"]
    every = arguments_of(calls["task"], calls["inputs"][part])
    limits = [max(LEAST_SECONDS, TIMES_THE_REFERENCE * seconds) for seconds in calls["seconds"][part]]

    def work(say: Callable[[Any], None]) -> None:
        ready(answer)
        disarm(["exit", "quit", "open"])
        try:
            space: dict[str, Any] = {}
            with swallowed():
                exec(answer, space)
                function = space[entry_point]
            for arguments, seconds in zip(every, limits, strict=True):
                with at_most(seconds), swallowed():
                    output = function(*arguments)
                say({"out": observed(entry_point, is_mbpp, output, arguments)})
        except BaseException as error:
            say({"raised": type(error).__name__})
        say("done")

    with gzip.open(result_file, "wt", compresslevel=1, encoding="utf-8") as report:
        run_child(work, min(MOST_SECONDS, sum(limits)) + GRACE_SECONDS, report)


if __name__ == "__main__":
    main(*sys.argv[1:])
