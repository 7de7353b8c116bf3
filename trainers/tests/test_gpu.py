"""One process sees one GPU.

There is none here: what is tried is what CUDA would be given, and what the Trainer would make of two.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secpi_trainers.base.errors import TrainerError
from secpi_trainers.training.ranks.gpu import see_one_gpu

from .support import ROOT
from .test_jobs import train_job

# Says what the variable holds at the moment when torch is imported, and goes no further.
AT_IMPORT = """
import os, sys
class Recorder:
    def find_spec(self, name, *_):
        if name == "torch":
            print(repr(os.environ.get("CUDA_VISIBLE_DEVICES")))
            sys.stdout.flush()
            os._exit(0)
sys.meta_path.insert(0, Recorder())
from secpi_trainers.__main__ import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (None, "0"),
        ("", ""),
        ("3", "3"),
        ("2,3", "2"),
        ("GPU-8932f937, GPU-1", "GPU-8932f937"),
        ("-1", "-1"),
        ("MIG-5c89,MIG-7a", "MIG-5c89"),
    ],
)
def test_torch_is_given_one_gpu(tmp_path: Path, given: str | None, seen: str) -> None:
    job = train_job(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    if given is not None:
        environment["CUDA_VISIBLE_DEVICES"] = given
    done = subprocess.run(
        [sys.executable, "-c", AT_IMPORT, "train", "--job", str(job.path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{seen!r}\n", done.stderr


@pytest.mark.parametrize(
    ("given", "local", "seen"),
    [
        (None, 3, "3"),
        ("4,5,6,7", 0, "4"),
        ("4,5,6,7", 3, "7"),
        ("MIG-a, MIG-b", 1, "MIG-b"),
        ("", 1, ""),
        ("-1", 1, "-1"),
    ],
)
def test_each_of_several_processes_has_its_own(given: str | None, local: int, seen: str) -> None:
    environment = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    see_one_gpu(environment, local)
    assert environment["CUDA_VISIBLE_DEVICES"] == seen


def test_a_process_without_a_gpu_is_refused() -> None:
    with pytest.raises(TrainerError, match="process 3 of this machine has no GPU: CUDA_VISIBLE_DEVICES names 2"):
        see_one_gpu({"CUDA_VISIBLE_DEVICES": "0,1"}, 2)


# The Trainer's settings on a host with one GPU and with two, as far as that can be had without any.
SETTINGS = """
import json, sys, torch
from pathlib import Path
torch.cuda.is_available = lambda: True
torch.cuda.set_device = lambda device: None
torch.cuda.is_bf16_supported = lambda *_, **__: True
from secpi_trainers.base.errors import TrainerError
from secpi_trainers.jobs import check_job
from secpi_trainers.training.asked.settings import trl_settings
for count in (1, 2):
    torch.cuda.device_count = lambda: count
    try:
        print(trl_settings(check_job("train", json.loads(Path(sys.argv[1]).read_text())), Path("/tmp"), "cuda").n_gpu)
    except TrainerError as error:
        print(error.code)
"""


def test_several_that_are_seen_all_the_same_are_refused(tmp_path: Path) -> None:
    job = train_job(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, str(job.path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "1\ntrainer/several-gpus\n", done.stderr
