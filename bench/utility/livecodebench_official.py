"""What LiveCodeBench itself says of answers.

Runs them without a sandbox, as LiveCodeBench does: only for answers that one made oneself.

PYTHONPATH=CHECKOUT python livecodebench_official.py DATA_FILE ANSWERS RESULTS
"""

import json
import sys
from pathlib import Path

from lcb_runner.evaluation.compute_code_generation_metrics import codegen_metrics
from lcb_runner.evaluation.pass_k_utils import extract_instance_results
from livecodebench_answers import tests_of


def main(data_file: str, answers_file: str, results_file: str) -> None:
    """Writes the verdicts, a JSON object a line."""
    samples = {}
    with Path(data_file).open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            tests = tests_of(row)
            sample = {
                "inputs": [one["input"] for one in tests],
                "outputs": [one["output"] for one in tests],
                "fn_name": json.loads(row["metadata"]).get("func_name"),
            }
            samples[row["question_id"]] = {"input_output": json.dumps(sample)}
    with Path(answers_file).open(encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    _, results, _ = codegen_metrics(
        [samples[one["task_id"]] for one in answers], [[one["solution"]] for one in answers], num_process_evaluate=2
    )
    with Path(results_file).open("w", encoding="utf-8") as file:
        for answer, [passed] in zip(answers, extract_instance_results(results), strict=True):
            file.write(json.dumps({"task_id": answer["task_id"], "passed": bool(passed)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
