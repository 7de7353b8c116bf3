"""What a process that has long imports does about them."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from secpi_trainers.base.imports import long_imports

from .support import ROOT, Job, prepare

LOOKED = """
import gc
from secpi_trainers.base.imports import long_imports
looked = []
gc.callbacks.append(lambda phase, facts: looked.append(phase))
with long_imports():
    import torch
print(len(looked), gc.get_freeze_count() > 100_000, gc.isenabled())
"""


def test_nobody_looks_for_garbage_in_them() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "True"]


def test_what_is_imported_already_keeps_no_garbage() -> None:
    frozen = gc.get_freeze_count()
    with long_imports():
        import json  # noqa: F401
    assert gc.get_freeze_count() == frozen
    assert gc.isenabled()


def test_samples_are_prepared_without_torch_and_come_out_the_same(base: Path, data: Path, tmp_path: Path) -> None:
    with_torch = prepare(base, data / "samples.jsonl", tmp_path / "here")
    job = Job(tmp_path / "alone" / "work", tmp_path / "alone" / "out")
    job.write(model=base, samples=data / "samples.jsonl", max_tokens=400)
    loaded = subprocess.run(
        [sys.executable, "-v", "-m", "secpi_trainers", "prepare", "--job", str(job.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "import 'transformers." in loaded
    assert "import 'torch" not in loaded
    assert "PyTorch" not in loaded
    assert (job.output / "prepared.jsonl").read_bytes() == with_torch.read_bytes()
