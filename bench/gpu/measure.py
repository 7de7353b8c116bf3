"""`python bench/gpu/measure.py --out FOLDER`: what training takes on this GPU, beside TRL's defaults and Axolotl.

Each case runs in a process of its own; what it found is on the disk before the next one begins. Called again with the
same folder it goes on with what is missing, so that it can be cut into calls of `--minutes`. A case that failed says
why and is not tried again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cases import CASES, Case, small

HERE = Path(__file__).parent


def main() -> int:
    """Runs what is missing and fits, and writes `report.md` of all that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where results.jsonl and report.md lie")
    parser.add_argument("--minutes", type=float, default=9.5, help="what this call may take; default 9.5")
    parser.add_argument("--axolotl", help="a Python with Axolotl; without it Axolotl is left out")
    parser.add_argument("--small", action="store_true", help="all cases at a size for a CPU, to try the script")
    parser.add_argument("--only", action="append", default=[], help="cases whose names hold this text")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / "results.jsonl"
    end_torn_line(results)
    deadline = time.monotonic() + 60 * options.minutes
    done = {line["name"] for line in read(results)}
    left = []
    for case in (small(case) if options.small else case for case in CASES):
        wanted = not options.only or any(text in case.name for text in options.only)
        if not wanted or case.name in done or (case.how == "axolotl" and options.axolotl is None):
            continue
        if time.monotonic() + case.seconds > deadline:
            left.append(case.name)
            continue
        python = options.axolotl if case.how == "axolotl" else sys.executable
        line = {"name": case.name, **run(case, python, options.out)}
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(json.dumps(line), flush=True)
    (options.out / "report.md").write_text(report(read(results)))
    if left:
        print(f"left for another call: {', '.join(left)}")
    return 0


def run(case: Case, python: str, out: Path) -> dict[str, Any]:
    """What a case found, or why it found nothing; all that a failed one said is in `failures.log`."""
    # Models lie in memory: a disk may be smaller than they are.
    memory = Path("/dev/shm")  # noqa: S108 - see above
    folder = Path(tempfile.mkdtemp(prefix="secpi-bench-", dir=memory if memory.is_dir() else None))
    try:
        document = folder / "case.json"
        document.write_text(json.dumps(asdict(case) | {"folder": str(folder)}))
        quiet = {
            "OMP_WAIT_POLICY": "PASSIVE",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own script
            [python, str(HERE / "case.py"), str(document)],
            env=os.environ | quiet,
            capture_output=True,
            text=True,
            timeout=case.seconds,
            check=False,
        )
        seconds = round(time.monotonic() - began, 1)
        if done.returncode == 0:
            return {**json.loads(done.stdout.splitlines()[-1]), "seconds": seconds}
        with (out / "failures.log").open("a") as log:
            log.write(f"== {case.name}\n{done.stderr}\n")
        return {"failed": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1], "seconds": seconds}
    except subprocess.TimeoutExpired:
        return {"failed": f"it took longer than {case.seconds} s"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_torn_line(results: Path) -> None:
    """Takes off half a line of a call that was cut off."""
    if results.exists():
        text = results.read_text()
        results.write_text(text[: text.rfind("\n") + 1])


def read(results: Path) -> list[dict[str, Any]]:
    """What is there."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def report(lines: list[dict[str, Any]]) -> str:
    """A table, with what the card does in plain products as the measure of all."""
    rate = next((line["tflops"] for line in lines if "tflops" in line), None)
    card = next((line["card"] for line in lines if "card" in line), "no card")
    out = [f"{card}; bfloat16 products of this card: {rate} TFLOPS", ""]
    out += ["| case | tokens/s | model TFLOPS | of the card's own rate | peak GiB |", "|---|---|---|---|---|"]
    for line in lines:
        if "failed" in line:
            out.append(f"| {line['name']} | {line['failed']} | | | |")
        elif "tokens_per_second" in line:
            share = "" if rate is None else f"{100 * line['model_tflops'] / rate:.0f} %"
            peak = line["peak_gib"] or "?"
            rates = f"{line['tokens_per_second']} | {line['model_tflops']} | {share}"
            out.append(f"| {line['name']} | {rates} | {peak} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.exit(main())
