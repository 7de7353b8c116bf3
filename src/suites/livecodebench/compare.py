"""Compares what an answer printed or returned with what is expected, in a process in which nothing of the answer runs.

    python compare.py EXPECTED_FILE OUTPUTS_FILE RESULT_FILE

The rules are those of `lcb_runner/evaluation/testing_util.py` in LiveCodeBench (MIT, commit 28fef95): lines without the
white space around them, and where two differ, their words as decimal numbers; of functions, equality.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from outputs import lines_in, word
from values import decode, equal


def same_text(given: str, expected: str) -> bool:
    """Line by line, without the white space around."""
    own, right = (text.strip().split("\n") for text in (given, expected))
    if len(own) != len(right):
        return False
    return all(same_line(a.strip(), b.strip()) for a, b in zip(own, right, strict=True))


def same_line(given: str, expected: str) -> bool:
    """The same characters, or the same numbers."""
    if given == expected:
        return True
    numbers, right = decimals(given), decimals(expected)
    return numbers is not None and right is not None and numbers == right


def decimals(line: str) -> list[Decimal] | None:
    """The words as numbers; None if one is no number."""
    try:
        return [Decimal(each) for each in line.split()]
    except Exception:
        return None


def same(given: Any, expected: str, is_function: bool) -> bool:
    """Whether an output is the expected one. What comparing raises counts as a difference."""
    try:
        if is_function:
            return equal(decode(given), json.loads(expected))
        return isinstance(given, str) and same_text(given, expected)
    except Exception:
        return False


def verdict(lines: list[Any], outputs: list[str], is_function: bool) -> dict[str, Any]:
    """What decided it, and in which test."""
    count = 0
    for line in lines:
        if not isinstance(line, dict):
            break
        if "raised" in line:
            return failed(count, f"raises {word(line['raised'])}")
        if count >= len(outputs) or "out" not in line:
            return failed(None, "says what nobody asked")
        if not same(line["out"], outputs[count], is_function):
            return failed(count, "another result than expected")
        count += 1
    end = lines[-1] if lines else "gone"
    if end == "done" and count == len(outputs):
        return {"passed": True, "why": "", "test": None}
    return failed(count, {"killed": "never ends", "done": "ends too early"}.get(str(end), "ends its own process"))


def failed(test: int | None, why: str) -> dict[str, Any]:
    """The verdict on an answer whose test of that number is wrong."""
    return {"passed": False, "why": why, "test": test}


def main(expected_file: str, outputs_file: str, result_file: str) -> None:
    """Reads the first two and writes the verdict."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(50000)
    with Path(expected_file).open(encoding="utf-8") as file:
        expected = json.load(file)
    result = verdict(lines_in(outputs_file), expected["outputs"], expected["function"] is not None)
    with Path(result_file).open("w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
