"""The script that measures on a GPU, at sizes for a CPU: each kind of case runs, and nothing that was found is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .support import ROOT, read_lines

SCRIPT = ROOT.parent / "bench" / "gpu" / "measure.py"


def measure(out: Path, *arguments: str) -> str:
    argv = [sys.executable, str(SCRIPT), "--out", str(out), "--small", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_goes_on_where_it_was_cut_off_and_says_what_is_left(tmp_path: Path) -> None:
    kinds = ("--only", "7b full", "--only", "32b lora 8k, TRL's")
    said = measure(tmp_path, *kinds, "--minutes", "0")
    assert said == "left for another call: qwq-32b lora 8k, TRL's defaults, qwen2.5-7b full 8k, secpi\n"
    # A call that was cut off in the middle of a line.
    (tmp_path / "results.jsonl").write_text(
        json.dumps({"name": "qwen2.5-7b qlora 16k, secpi", "failed": "why"}) + '\n{"na'
    )
    said = measure(tmp_path, *kinds, "--only", "7b qlora")
    found = {line["name"]: line for line in read_lines(tmp_path / "results.jsonl")}
    assert found["qwen2.5-7b qlora 16k, secpi"]["failed"] == "why"
    for name in ("qwq-32b lora 8k, TRL's defaults", "qwen2.5-7b full 8k, secpi"):
        assert found[name]["tokens_per_second"] > 0
        assert found[name]["steps"] == 4
        assert found[name]["model_tflops"] > 0
    assert "| qwen2.5-7b qlora 16k, secpi | why |" in (tmp_path / "report.md").read_text()
    assert measure(tmp_path, *kinds) == ""
