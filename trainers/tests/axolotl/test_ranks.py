"""Several processes that train with Axolotl, over gloo on the CPU: what `../test_ranks.py` says of TRL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..support import digests, read_lines, run
from ..test_ranks import FULL, LORA, Ranks, job_in, ranks, said, smallest

def log(job):
    p = job.path.with_suffix(".log")
    return p.read_text()[-5000:] if p.exists() else ""

@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
@pytest.mark.parametrize("keys", [LORA | {"lora": {"rank": 2, "alpha": 4}}, FULL], ids=["lora", "full"])
def test_scratch(smallest: tuple[Path, Path], ranks: Ranks, tmp_path: Path, keys, strategy) -> None:
    one = job_in(tmp_path / "1", smallest, **keys, batch_size=4, trainer="axolotl")
    assert run("train", one) == 0, one.result
    a = [line["loss"] for line in read_lines(one.output / "loss.jsonl")]
    job = job_in(tmp_path / "2", smallest, **keys, batch_size=2, trainer="axolotl", parallel={"strategy": strategy})
    codes = ranks(job, 2)
    if codes != [0, 0]: print(log(job))
    assert codes == [0, 0]
    b = [line["loss"] for line in read_lines(job.output / "loss.jsonl")]
    print(a, b)
    import os; os.system(f"find {job.work} -type f | xargs ls -la | cut -c20-")
    assert a == pytest.approx(b, abs=1e-5)
