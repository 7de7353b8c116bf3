"""Compares what an answer returned with what the canonical solution did. Nothing of the answer runs in this process.

    python compare.py EXPECTED_FILE ENTRY_POINT humaneval|mbpp RESULT_FILE base=OUTPUTS_FILE plus=OUTPUTS_FILE

The rules are those of `unsafe_execute` in EvalPlus (Apache-2.0, commit 26d6d00): equality, special oracles, and numpy's
`allclose` where floats are expected, from the first output on which that is so.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from close import all_close
from inputs import arguments_of
from oracles import AS_SETS, NOT_NONE, ROOT_OF_POLYNOMIAL, distance_of_digits, polynomial, surface_of_pyramid
from outputs import lines_in, word
from values import Kin, Opaque, decode, equal, plain

RELATIVE = 1e-07
ABSOLUTE = 1e-6


class Rules:
    """The comparison of one part; what is taken for near enough may change on the way."""

    def __init__(self, entry_point: str, is_mbpp: bool, atol: float) -> None:
        self.entry_point = entry_point
        self.is_mbpp = is_mbpp
        self.atol = atol

    def agrees(self, given: Any, expected: Any, arguments: Any) -> bool:
        """May raise what comparing raises, which counts as a difference."""
        if not self.is_mbpp and self.entry_point == ROOT_OF_POLYNOMIAL:
            root, left = given
            return abs(polynomial(*plain(left), plain(root))) <= self.atol
        exact = equal(given, expected)
        if self.is_mbpp:
            exact = self.special(exact, given, expected, arguments)
        if self.atol == 0 and are_floats(expected):
            self.atol = ABSOLUTE
        if exact or self.atol == 0:
            return exact
        if type_name(given) != type_name(expected):
            return False
        if isinstance(expected, (list, tuple)) and len(given) != len(expected):
            return False
        return all_close(plain(given), plain(expected), RELATIVE, self.atol)

    def special(self, exact: bool, given: Any, expected: Any, arguments: Any) -> bool:
        """What the oracle of the problem says, or `exact` where it has none. May raise, as `agrees`."""
        name = self.entry_point
        if name == "are_equivalent":
            return True
        if name == "sum_div":
            return exact or plain(given) == 0
        if name == "surface_Area":
            return exact or abs(plain(given) - surface_of_pyramid(*arguments)) <= self.atol
        if name == "digit_distance_nums":
            return exact or plain(given) == distance_of_digits(*arguments)
        if name in AS_SETS:
            return plain(given) == set(plain(expected))
        if name in NOT_NONE:
            return given == expected
        return exact


def are_floats(value: Any) -> bool:
    """A float, or a list or tuple of nothing but floats."""
    if isinstance(value, float):
        return True
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(one, float) for one in value)


def type_name(value: Any) -> str:
    """The name of the type that the value had where it was returned."""
    return value.name if isinstance(value, (Kin, Opaque)) else type(value).__name__


def verdict(lines: list[Any], rules: Rules, expected: dict[str, Any], inputs: list[Any]) -> dict[str, Any]:
    """`status` as EvalPlus calls it, with the number of the call that decided it."""
    count = 0
    for line in lines:
        if not isinstance(line, dict):
            break
        if "raised" in line:
            return failed(count, f"raises {word(line['raised'])}")
        if count >= len(inputs) or "out" not in line:
            return failed(None, "says what nobody asked")
        given = read(line["out"], rules)
        if not agreement(rules, given, decode(expected["outputs"][count]), inputs[count]):
            return failed(count, "another result than expected")
        count += 1
    end = lines[-1] if lines else "gone"
    if end == "done" and count == len(inputs):
        return {"status": "pass", "why": "", "call": None}
    if end == "done":
        return failed(count, "ends too early")
    return {"status": "timeout", "why": "never ends" if end == "killed" else "ends its own process", "call": count}


def read(data: Any, rules: Rules) -> Any:
    """The output that `observed` in `run.py` wrote down."""
    if not rules.is_mbpp and rules.entry_point == ROOT_OF_POLYNOMIAL and isinstance(data, list):
        return [decode(one) for one in data]
    return decode(data)


def agreement(rules: Rules, given: Any, expected: Any, arguments: Any) -> bool:
    """As `Rules.agrees`; never raises."""
    try:
        return bool(rules.agrees(given, expected, arguments))
    except Exception:
        return False


def failed(call: int | None, why: str) -> dict[str, Any]:
    """The verdict on an answer whose call of that number is wrong."""
    return {"status": "fail", "why": why, "call": call}


def main(expected_file: str, entry_point: str, dataset: str, result_file: str, *parts: str) -> None:
    """Writes a verdict for each of `parts`, which are `NAME=OUTPUTS_FILE`."""
    with gzip.open(expected_file, "rt", encoding="utf-8") as file:
        expected = json.load(file)
    task = expected["task"]
    verdicts = {}
    for part, path in (one.split("=", 1) for one in parts):
        rules = Rules(entry_point, dataset == "mbpp", expected["atol"])
        inputs = arguments_of(task, expected["inputs"][part])
        verdicts[part] = verdict(lines_in(path), rules, expected[part], inputs)
    with Path(result_file).open("w", encoding="utf-8") as file:
        json.dump(verdicts, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
