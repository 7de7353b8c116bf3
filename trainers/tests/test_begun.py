"""What the machine has decided where the job left it open stays so when a checkpoint is gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.models.checkpoints import MARK, checkpoints

from .support import Job, run
from .test_ranks import LORA, job_in, smallest  # noqa: F401 - a fixture
from .test_stops import saved_by_a_signal

# pytest finds fixtures by the names of arguments.
# ruff: noqa: F811


@pytest.fixture(scope="module")
def stopped(smallest: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A training that has saved step 2."""
    job = job_in(tmp_path_factory.mktemp("stopped"), smallest, **LORA)
    saved_by_a_signal(job, 2)
    return job


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        ({"device": "cuda"}, "other-machine", "with the device cuda, and this machine would go on with cpu"),
        ({"attention": "flash_attention_2"}, "other-machine", "with the attention flash_attention_2, and this"),
        ({"processes": 3}, "other-ranks", "made by 3 processes, and there are 1"),
    ],
)
def test_what_cannot_be_gone_on_with_is_said_and_stays(
    stopped: Job, made: dict[str, Any], code: str, words: str
) -> None:
    (checkpoint,) = checkpoints(stopped.work / "checkpoints")
    path = checkpoint.folder / MARK
    mark = json.loads(path.read_text())
    path.write_text(json.dumps(mark | {"made": mark["made"] | made}))
    assert run("train", stopped) == 1
    path.write_text(json.dumps(mark))
    assert stopped.result["code"] == f"trainer/{code}"
    assert words in stopped.result["message"]
    assert checkpoints(stopped.work / "checkpoints") == [checkpoint]
