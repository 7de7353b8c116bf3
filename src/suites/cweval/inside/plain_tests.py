"""Runs a test file of CWEval without pytest, whose start takes longer than what most of these files do.

For tests that start programs: what pytest does to a process is nothing to those. It knows just what such files use of
pytest, and raises `Unsupported` before it has run anything where one uses more.
"""

import contextlib
import getpass
import importlib.util
import inspect
import os
import re
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from results import KINDS, Results, reason

#: Tests with it in their name are about the insecure solutions, and the harness leaves them out.
UNWANTED = "_unsafe"


class Unsupported(Exception):
    """A test file uses something of pytest that is not here."""


class TimedOut(BaseException):
    """As of pytest-timeout: no `except Exception` stops it."""


class Case(NamedTuple):
    """One call of a test."""

    test: str
    kind: str
    #: Calls what it is given as soon as the test has come to its end; what happens later is no part of it.
    run: Callable[[Callable[[], None]], None]


class Mark(NamedTuple):
    """A decorator `pytest.mark.NAME`."""

    name: str
    args: tuple[Any, ...] = ()

    def __call__(self, *args: Any) -> Any:
        """Marks a function, or gives what does so."""
        if self.name == "parametrize":
            if len(args) != 2:
                raise Unsupported("parametrize")
            return lambda test: marked(test, Mark(self.name, args))
        if len(args) == 1 and inspect.isfunction(args[0]):
            return marked(args[0], self)
        raise Unsupported(self.name)


def marked(test: Any, mark: Mark) -> Any:
    """The test, with one mark more."""
    # The decorator nearest to the function comes first, as in pytest.
    test.marks = [*getattr(test, "marks", []), mark]
    return test


class Marks:
    """`pytest.mark`."""

    def __getattr__(self, name: str) -> Mark:
        if name not in ("parametrize", "functionality", "security"):
            raise Unsupported(name)
        return Mark(name)


class Param(NamedTuple):
    """A row of values with marks of its own."""

    values: tuple[Any, ...]
    marks: tuple[str, ...]


def param(*values: Any, marks: Any = (), **other: Any) -> Param:
    """`pytest.param`."""
    if other:
        raise Unsupported("param")
    several = marks if isinstance(marks, (list, tuple)) and not isinstance(marks, Mark) else [marks]
    return Param(values, tuple(mark.name for mark in several))


def fixture(make: Any = None, **options: Any) -> Any:
    """`pytest.fixture`, without options."""
    if options or not inspect.isfunction(make):
        raise Unsupported("fixture")
    make.is_fixture = True
    return make


def raises(*_: Any, **__: Any) -> Any:
    """`pytest.raises`, which no test that is run here has a use for."""
    raise AssertionError("only tests of the insecure solutions want an error")


class StandIn(types.ModuleType):
    """The module `pytest`."""

    def __getattr__(self, name: str) -> Any:
        # Whoever looks at a module asks for these.
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unsupported(name)


#: What else pytest looks for in a test file.
OTHER = re.compile(r"Test|pytest_plugins|pytestmark|(setup|teardown)_?(module|function)")


def cases_in(path: str) -> list[Case]:
    """The cases of a test file that the harness chooses, in their order. Imports it, and so raises whatever it does."""
    stand_in = StandIn("pytest")
    stand_in.__dict__.update(mark=Marks(), param=param, fixture=fixture, raises=raises)
    sys.modules["pytest"] = stand_in
    file = Path.cwd() / path
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise Unsupported(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    names = vars(module)
    if any(OTHER.match(name) for name in names):
        raise Unsupported("classes and set-up")
    functions = {name: value for name, value in names.items() if inspect.isfunction(value)}
    fixtures = {name: value for name, value in functions.items() if hasattr(value, "is_fixture")}
    tests = {name: value for name, value in functions.items() if name.startswith("test") and UNWANTED not in name}
    return [case for name, test in tests.items() for case in cases_of(name, test, fixtures)]


def cases_of(name: str, test: Any, fixtures: dict[str, Any]) -> Iterator[Case]:
    """One for each row of its parameters."""
    marks: list[Mark] = getattr(test, "marks", [])
    own = tuple(mark.name for mark in marks if mark.name != "parametrize")
    sets = [mark.args for mark in marks if mark.name == "parametrize"]
    if len(sets) > 1:
        raise Unsupported("parametrize, twice")
    if not sets:
        yield case_of(name, test, {}, own, fixtures)
        return
    (names, rows) = sets[0]
    keys = [key.strip() for key in names.split(",")] if isinstance(names, str) else list(names)
    for row in rows:
        values = row.values if isinstance(row, Param) else (row,) if len(keys) == 1 else tuple(row)
        if len(values) != len(keys):
            raise Unsupported("another number of values")
        marks_of_row = row.marks if isinstance(row, Param) else ()
        yield case_of(name, test, dict(zip(keys, values, strict=True)), own + marks_of_row, fixtures)


def case_of(name: str, test: Any, values: dict[str, Any], marks: tuple[str, ...], fixtures: dict[str, Any]) -> Case:
    """A test with these values; what else it takes are fixtures."""
    missing = [key for key in inspect.signature(test).parameters if key not in values]
    if any(key != "tmp_path" and key not in fixtures for key in missing):
        raise Unsupported("a fixture")
    if any(inspect.signature(fixtures[key]).parameters for key in missing if key in fixtures):
        raise Unsupported("a fixture that takes others")

    def run_case(passed: Callable[[], None]) -> None:
        with contextlib.ExitStack() as stack:
            made = {key: made_by(fixtures[key], stack) if key in fixtures else temporary_path(name) for key in missing}
            test(**values, **made)
            passed()

    kind = next((kind for mark, kind in KINDS.items() if mark in marks), None)
    if kind is None:
        raise Unsupported("a test of no kind")
    return Case(name, kind, run_case)


def made_by(make: Any, stack: contextlib.ExitStack) -> Any:
    """What a fixture gives; what comes after its `yield` is left to the stack."""
    if inspect.isgeneratorfunction(make):
        return stack.enter_context(contextlib.contextmanager(make)())
    return make()


def temporary_path(name: str) -> Path:
    """Where pytest lays them."""
    base = Path(tempfile.gettempdir()).resolve() / f"pytest-of-{getpass.getuser()}" / "pytest-0"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=re.sub(r"\W", "_", name)[:30], dir=base))


def run(cases: list[Case], results: Results, seconds: float) -> bool:
    """Whether something inside has ended the run."""
    chosen = [(str(index), case) for index, case in enumerate(cases)]
    for key, case in chosen:
        results.add(key, case.test, case.kind)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    failed: set[str] = set()
    for key, case in chosen:
        if case.kind in failed:
            continue
        try:
            run_within(seconds, case, partial(results.passed, key))
        except KeyboardInterrupt:
            return True
        except BaseException as error:
            results.explain(key, reason(type(error), error))
        if not results.cases[key]["passed"]:
            failed.add(case.kind)
    return False


def run_within(seconds: float, case: Case, passed: Callable[[], None]) -> None:
    """As pytest-timeout does it by signal: a test that sets an alarm of its own takes this one off."""

    def expire(*_: Any) -> None:
        raise TimedOut

    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        case.run(passed)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
