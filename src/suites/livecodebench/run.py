"""Runs an answer on the tests of a LiveCodeBench problem and writes down what it prints or returns.

    python run.py ANSWER_FILE CALLS_FILE RESULT_FILE

The surroundings are those of `lcb_runner/evaluation/testing_util.py` in LiveCodeBench (MIT, commit 28fef95), oddities
included: what is imported before the answer, a program made into a function, standard input that is no real file, and
the time of each test.
"""

import ast
import contextlib
import gzip
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from unittest import mock

from child import run_child
from guard import disarm, ready
from values import encode

TEST_SECONDS = 6
WITH_ALL = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
)
HEADER = "\n".join(
    [
        *(f"from {name} import *" for name in f"{WITH_ALL} builtins typing".split()),
        *(f"import {name}" for name in WITH_ALL.split()),
        "sys.setrecursionlimit(50000)\n",
    ]
)


class TimeoutException(Exception):
    """What a test raises that takes too long. The name ends up in verdicts."""


def over(*_: Any) -> None:
    """Raises TimeoutException: what becomes of the alarm."""
    raise TimeoutException


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises the alarm in what takes longer."""
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


class Bytes:
    """The bytes behind standard input. Each line that is asked for is the first."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8")

    def read(self, *_: Any) -> bytes:
        """All of it, each time."""
        return self.data

    def readline(self, *_: Any) -> bytes:
        """The first line."""
        return self.data.split(b"\n")[0] + b"\n"


class Input:
    """Standard input. It cannot be iterated over."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.stream = io.StringIO(text)
        self.buffer = Bytes(text)

    def read(self, *_: Any) -> str:
        """All of it, each time."""
        return self.text

    def readline(self, *arguments: Any) -> str:
        """The next line."""
        return self.stream.readline(*arguments)

    def readlines(self, *_: Any) -> list[str]:
        """All lines, each time, without their ends."""
        return self.text.split("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def without_main_guard(code: str) -> str:
    """The program with the body of its last `if __name__ == '__main__'` in place of that."""
    with contextlib.suppress(Exception):
        *others, last = ast.parse(code).body
        if isinstance(last, ast.If) and ast.unparse(last.test).strip() == "__name__ == '__main__'":
            return unparsed(others) + "\n" + unparsed(last.body)
    return code


def as_function(code: str) -> str:
    """Imports stay where they were; all else becomes the body of `wrapped_function`."""
    try:
        body = ast.parse(code).body
        imports = [one for one in body if isinstance(one, (ast.Import, ast.ImportFrom))]
        function = ast.parse("def wrapped_function(): pass").body[0]
        assert isinstance(function, ast.FunctionDef)  # noqa: S101 - tells mypy what stands in the line above
        function.body = [one for one in body if one not in imports]
        return f"{HEADER}\n{unparsed(imports)}\n{ast.unparse(function)}"
    except Exception:
        return code


def unparsed(body: list[ast.stmt]) -> str:
    """Statements as source."""
    return ast.unparse(ast.Module(body=body, type_ignores=[]))


def function_of(code: str, name: str) -> Callable[..., Any]:
    """Loads an answer and finds its function, or its method. Raises what loading does."""
    with at_most(TEST_SECONDS):
        module = ModuleType("tmp_sol", "")
        exec(code, module.__dict__)
        return getattr(module.Solution() if "class Solution" in code else module, name)  # type: ignore[no-any-return]


def printed(program: Callable[[], Any], text: str) -> str:
    """What the program prints for that input. Raises what the program does, but for SystemExit."""
    lines = iter(text.split("\n"))
    output = io.StringIO()
    with contextlib.ExitStack() as patches:
        # On the input that there was when the answer was loaded: it may have kept it.
        patches.enter_context(mock.patch("sys.stdin.read", lambda *_: text))
        patches.enter_context(mock.patch("sys.stdin.readlines", lambda *_: text.split("\n")))
        patches.enter_context(mock.patch("sys.stdin.readline", lambda *_: next(lines)))
        patches.enter_context(mock.patch("sys.stdin", Input(text)))
        patches.enter_context(mock.patch("builtins.open", mock.mock_open(read_data=text)))
        patches.enter_context(mock.patch("sys.stdout", output))
        # It wants an argument, so that a program which closes its output fails.
        output.close = lambda _: None  # type: ignore[assignment,misc]
        try:
            with at_most(TEST_SECONDS):
                program()
        except SystemExit:
            pass
    return output.getvalue()


def main(answer_file: str, calls_file: str, result_file: str) -> None:
    """Writes what comes of the tests, gzipped, a line each."""
    with open(answer_file, encoding="utf-8", newline="") as file:
        answer = file.read()
    with open(calls_file, encoding="utf-8") as file:
        calls = json.load(file)
    inputs: list[str] = calls["inputs"]
    name = calls["function"]

    def work(say: Callable[[Any], None]) -> None:
        signal.signal(signal.SIGALRM, over)
        ready(answer)
        disarm(["quit"])
        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(50000)
        try:
            if name is None:
                program = function_of(as_function(without_main_guard(answer)), "wrapped_function")
                for text in inputs:
                    say({"out": printed(program, text)})
            else:
                method = function_of(f"{HEADER}\n\n{answer}", name)
                for arguments in [[json.loads(line) for line in text.split("\n")] for text in inputs]:
                    with at_most(TEST_SECONDS):
                        result = method(*arguments)
                    say({"out": encode(list(result) if isinstance(result, tuple) else result)})
        except BaseException as error:
            say({"raised": type(error).__name__})
        say("done")

    with gzip.open(result_file, "wt", compresslevel=1, encoding="utf-8") as report:
        run_child(work, (TEST_SECONDS + 1) * len(inputs) + 5, report)


if __name__ == "__main__":
    main(*sys.argv[1:])
