"""A disk that is too small is noticed before work begins, and one that gets full is what the result says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from means import needs

from secpi_trainers.base.disk import is_full
from secpi_trainers.models.checkpoints import MARK, checkpoints, discard, prune
from secpi_trainers.training.kept.keeping import most_more, to_average
from secpi_trainers.training.trainer import Trainer

from .support import ROOT, Job, run
from .test_train import train_job

UNSHARE = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]

CAN_MOUNT = (
    subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True).returncode == 0
)
if not CAN_MOUNT and os.environ.get("CI") == "true":
    raise RuntimeError("no file system of its own can be mounted here: allow namespaces, or run as root")

# Trains on disks of growing size until one suffices; prints what each run said. Room is not looked for beforehand.
ON_SMALL_DISKS = """
import json, os, subprocess, sys
from pathlib import Path
from secpi_trainers.base import disk
from secpi_trainers.training import train
from secpi_trainers.__main__ import main
train.require_room = lambda *_: None
document = json.loads(Path(sys.argv[1]).read_text())
folder = Path(document["work"])
folder.mkdir(parents=True)
# More than what counts as full whatever an error says.
size = (disk.LEFT_BYTES >> 10) + 256
while True:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(folder)], check=True)
    code = main(["train", "--job", sys.argv[1]])
    result = json.loads((folder / "result.json").read_text())
    steps = (folder / "events.jsonl").read_text().count('"metric"')
    print(json.dumps([code, result.get("code"), result.get("message"), steps]), flush=True)
    os.chdir("/")
    subprocess.run(["umount", str(folder)], check=True)
    if code == 0:
        break
    size += 448
"""


@needs(CAN_MOUNT, "no file system of its own can be mounted here")
def test_a_disk_that_gets_full_is_what_the_result_says(base: Path, prepared: Path, tmp_path: Path) -> None:
    job = train_job(base, prepared, tmp_path, method="full", steps=3, save_every_steps=1, gradient_accumulation=1)
    document = json.loads(job.path.read_text()) | {"output": str(job.work / "out")}
    job.path.write_text(json.dumps(document))
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-c", ON_SMALL_DISKS, str(job.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    *full, last = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert last[0] == 0, done.stderr
    assert len(full) > 3
    assert {(code, name, message) for code, name, message, _ in full} == {
        (1, "trainer/disk-full", "the disk is full"),
    }
    # It got full at several points of the work.
    assert len({steps for *_, steps in full}) > 1


def test_room_is_looked_for_before_a_step_is_taken(
    base: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    job = train_job(base, prepared, tmp_path, steps=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    assert run("train", job) == 1
    assert job.result["code"] == "trainer/disk-full"
    assert job.result["message"].startswith("checkpoints and the result take about 0.")
    assert job.steps() == []
    # Weights that are there a second time, under the name that Mistral gives them, are not merged.
    twice = tmp_path / "twice"
    shutil.copytree(base, twice)
    shutil.copyfile(base / "model.safetensors", twice / "consolidated.safetensors")
    merging = Job(tmp_path / "merge", tmp_path / "merged")
    merging.write(model=twice, adapter=tmp_path, device="cpu", dtype="float32")
    assert run("merge", merging) == 1
    assert merging.result["message"].startswith("the merged weights take about 0.6 MB in ")


@pytest.mark.parametrize(
    ("length", "at_once"),
    # Two rows of six a step.
    [({"steps": 1}, 1), ({"steps": 4}, 2), ({"steps": 7}, 3), ({"epochs": 5 / 3}, 3)],
)
def test_what_is_needed_is_what_is_written(
    base: Path, prepared: Path, tmp_path: Path, length: dict[str, Any], at_once: int
) -> None:
    from secpi_trainers.training import train

    job = train_job(base, prepared, tmp_path, method="full", save_every_steps=2, gradient_accumulation=1, **length)
    # The other of the two ways to say how long.
    document = json.loads(job.path.read_text())
    job.path.write_text(json.dumps({key: document[key] for key in document if key != "steps" or key in length}))
    asked: list[int] = []
    most = 0
    save = Trainer._save_checkpoint

    def counted(trainer: Trainer, *arguments: Any) -> None:  # noqa: ANN401
        nonlocal most
        save(trainer, *arguments)
        most = max(most, len(checkpoints(job.work / "checkpoints")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "require_room", lambda _folder, needed, _what: asked.append(needed))
        patch.setattr(Trainer, "_save_checkpoint", counted)
        assert run("train", job) == 0
        newest = checkpoints(job.work / "checkpoints")[0]
        one = sum(path.stat().st_size for path in newest.folder.iterdir())
        weights = (job.output / "model" / "model.safetensors").stat().st_size
        assert most == at_once
        assert asked == [pytest.approx(at_once * one + weights, rel=0.1)]
        # Nothing is saved any more, and then one, while those before it are still there.
        assert run("train", job) == 0
        discard(newest)
        assert run("train", job) == 0
    assert asked[1:] == [pytest.approx(weights, rel=0.1), pytest.approx(one + weights, rel=0.1)]


@pytest.mark.parametrize("there", [[], [2, 4, 6], [2, 3], [1], [3, 4, 5], [5, 6, 7]])
@pytest.mark.parametrize("averaged", [0, 2, 3])
def test_room_is_for_all_that_are_there_at_once(tmp_path: Path, there: list[int], averaged: int) -> None:
    """Steps that are no multiple of 2 were saved by a signal."""
    to_come = list(range(max([0, *there]) // 2 * 2 + 2, 21, 2))
    most = 0
    for step in [*there, *to_come]:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / MARK).touch()
        most = max(most, len(checkpoints(tmp_path)))
        if step in to_come:
            prune(tmp_path, 3, to_average(step, 2, averaged))
    assert most_more(there, to_come, 3, 2, averaged) == most - len(there)


def test_errors_of_a_full_disk_are_known_by_their_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cause = RuntimeError("writing failed")
    cause.__cause__ = OSError(28, "No space left on device")
    assert is_full(cause, [])
    for said in ("I/O error: No space left on device (os error 28)", "I/O error: Quota exceeded (os error 122)"):
        assert is_full(RuntimeError(said), [])
        outer = ValueError("the model cannot be saved")
        outer.__context__ = RuntimeError(said)
        assert is_full(outer, [])
    assert not is_full(RuntimeError("I/O error: (os error 281)"), [])
    assert not is_full(RuntimeError("PytorchStreamWriter failed writing file"), [tmp_path])
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000))
    assert is_full(RuntimeError("PytorchStreamWriter failed writing file"), [tmp_path])
