"""What EvalPlus itself says of answers.

Runs them without a sandbox, as EvalPlus does: only for answers that one made oneself.

HUMANEVAL_OVERRIDE_PATH=... MBPP_OVERRIDE_PATH=... python evalplus_official.py humaneval|mbpp ANSWERS RESULTS
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from evalplus.data import get_human_eval_plus, get_mbpp_plus
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.evaluate import check_correctness
from evalplus.gen.util import trusted_exec


def expected(problem: dict[str, Any], not_none: bool) -> dict[str, Any]:
    """What the canonical solution returns, and the seconds it takes, as `check_correctness` wants them."""
    program = problem["prompt"] + problem["canonical_solution"]
    result = {}
    for part in ("base", "plus"):
        outputs, seconds = trusted_exec(
            program, problem[f"{part}_input"], problem["entry_point"], record_time=True, output_not_none=not_none
        )
        result.update({part: outputs, f"{part}_time": seconds})
    return result


def judged(given: tuple[str, dict[str, Any], str]) -> tuple[str, str]:
    """The verdicts on one answer, of `base` and of `plus`."""
    dataset, problem, solution = given
    not_none = dataset == "mbpp" and problem["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS
    # The harness may not see the arguments that an answer before has changed.
    result = check_correctness(dataset, 0, problem, solution, expected(problem, not_none), False, True, None)
    return result["base"][0], result["plus"][0]


def main(dataset: str, answers_file: str, results_file: str) -> None:
    """Writes the verdicts, a JSON object a line."""
    problems = get_human_eval_plus() if dataset == "humaneval" else get_mbpp_plus()
    with Path(answers_file).open(encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    work = [(dataset, problems[one["task_id"]], one["solution"]) for one in answers]
    with ProcessPoolExecutor(max_workers=2) as pool, Path(results_file).open("w", encoding="utf-8") as file:
        for answer, (base, plus) in zip(answers, pool.map(judged, work, chunksize=4), strict=True):
            file.write(json.dumps({"task_id": answer["task_id"], "base": base, "plus": plus}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
