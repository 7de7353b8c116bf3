"""Prepared rows take next to no memory, and come out as they went in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .support import ROOT, read_prepared, write_lines

# How many bytes of memory that no file backs are taken by reading a file, after another one that was read before.
MEASURE = """
import sys
from pathlib import Path
from tests.support import read_prepared
def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
small, large = (Path(name) for name in sys.argv[1:])
read_prepared(small, 100_000, small.with_suffix(".arrow"))
before = anonymous()
rows = read_prepared(large, 100_000, large.with_suffix(".arrow"))
print(rows.facts.tokens, anonymous() - before)
"""


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    for name, rows in (("small", 20), ("large", 500)):
        ids = list(range(100_000, 104_000))
        line = json.dumps({"id": name, "input_ids": ids, "labels": [-100] * 100 + ids[100:]}) + "\n"
        (tmp_path / f"{name}.jsonl").write_text(line * rows)
    paths = [str(tmp_path / f"{name}.jsonl") for name in ("small", "large")]
    done = subprocess.run([sys.executable, "-c", MEASURE, *paths], cwd=ROOT, check=True, capture_output=True, text=True)
    tokens, taken = map(int, done.stdout.split())
    assert tokens == 2_000_000
    # A few rows take that while they are written; as lists, all of them would take 87 bytes a token.
    assert taken < 8 * tokens


def test_rows_come_out_as_they_went_in(tmp_path: Path) -> None:
    rows = [
        {"id": str(length), "input_ids": list(range(length)), "labels": [-100, *range(1, length)]}
        for length in (150, 7, 90, *range(8, 90))
    ]
    # The first place of a row is never predicted.
    rows[0]["labels"] = [*range(150)]
    write_lines(tmp_path / "prepared.jsonl", rows)
    found = read_prepared(tmp_path / "prepared.jsonl", 200, tmp_path / "rows.arrow")
    assert [*found] == [(row["input_ids"], row["labels"]) for row in rows]
    lengths = [len(row["input_ids"]) for row in rows]
    assert (found.facts.tokens, found.facts.trained) == (sum(lengths), sum(lengths) - len(rows))
    assert (len(found), found.facts.highest, found.facts.shortest) == (len(rows), 149, 1)
    # A second one replaces it, and one without rows is no error here.
    (tmp_path / "none.jsonl").write_text("")
    assert len(read_prepared(tmp_path / "none.jsonl", 200, tmp_path / "rows.arrow")) == 0
    write_lines(tmp_path / "prepared.jsonl", rows[:1])
    assert len(read_prepared(tmp_path / "prepared.jsonl", 200, tmp_path / "rows.arrow")) == 1
