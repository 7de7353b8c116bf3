"""Runs one test file of CWEval, and writes down what became of each of its cases.

    python judge.py TEST_FILE RESULT_FILE SECONDS [--programs]

With `--programs` the tests start the judged program anew each time. Then a failed case ends those of its kind, whose
verdict is known, and pytest is left out, unless the file uses more of it than is known here.
"""

import os
import sys

from results import Results


def main(test_file: str, result_file: str, seconds: float, programs: bool) -> None:
    """Runs the file, each case for so many seconds at most, and writes the results."""
    results = Results()
    if programs:
        ended, broken = plain(test_file, results, seconds), False
    else:
        import pytest_tests

        ended, broken = pytest_tests.run(test_file, results, seconds)
    results.write(result_file, ended, broken)


def plain(test_file: str, results: Results, seconds: float) -> bool:
    """Without pytest where that is possible; whether something inside has ended the run."""
    import plain_tests

    try:
        cases = plain_tests.cases_in(test_file)
    except Exception:  # pytest has to say what is wrong with it, in a process that nobody has imported anything into
        os.execv(sys.executable, [sys.executable, *sys.argv[:4]])  # noqa: S606 - this very program again
    return plain_tests.run(cases, results, seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), "--programs" in sys.argv[4:])
