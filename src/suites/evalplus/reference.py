"""Runs a problem's canonical solution: what it returns is expected of answers, and its time decides on theirs.

    python reference.py PROBLEM_FILE CALLS_FILE EXPECTED_FILE SECONDS_FILE

Follows `trusted_exec` of EvalPlus (Apache-2.0, commit 26d6d00). The inputs go into a file of their own, since an answer
must not see the rest.
"""

import copy
import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

from inputs import arguments_of
from oracles import NOT_NONE
from values import encode


def outputs_of(solution: str, entry_point: str, calls: list[Any]) -> dict[str, Any]:
    """What each call returns, encoded, and how many seconds it takes. Raises what the solution does."""
    space: dict[str, Any] = {}
    exec(solution, space)
    function = space[entry_point]
    outputs, seconds = [], []
    for arguments in calls:
        own = copy.deepcopy(arguments)
        began = time.time()
        output = function(*own)
        seconds.append(time.time() - began)
        outputs.append(encode(output is not None if entry_point in NOT_NONE else output))
    return {"outputs": outputs, "seconds": seconds}


def main(problem_file: str, calls_file: str, expected_file: str, seconds_file: str) -> None:
    """Reads the first and writes the others."""
    with Path(problem_file).open(encoding="utf-8") as file:
        problem = json.load(file)
    inputs, expected = {}, {}
    for part in ("base", "plus"):
        inputs[part] = problem[f"{part}_input"]
        expected[part] = outputs_of(
            problem["prompt"] + problem["canonical_solution"],
            problem["entry_point"],
            arguments_of(problem["task_id"], problem[f"{part}_input"]),
        )
    expected["atol"] = problem["atol"]
    expected["inputs"] = inputs
    expected["task"] = problem["task_id"]
    seconds = {part: expected[part]["seconds"] for part in inputs}
    call = {"task": problem["task_id"], "entry_point": problem["entry_point"], "inputs": inputs, "seconds": seconds}
    for path, content in ((calls_file, call), (seconds_file, seconds)):
        with Path(path).open("w", encoding="utf-8") as file:
            json.dump(content, file)
    with gzip.open(expected_file, "wt", compresslevel=1, encoding="utf-8") as file:
        file.write(json.dumps(expected))


if __name__ == "__main__":
    main(*sys.argv[1:])
