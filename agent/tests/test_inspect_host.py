"""What is said of a machine is what it shows, and nothing that it hangs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from counting_job import ask

from secpi_agent.host.inspect_host import inspect_host


def inspect(root: Path, cuda_seconds: float = 0) -> dict[str, Any]:
    request = {"root": str(root), "packages": {"no-such-package": "1"}, "cuda_seconds": cuda_seconds}
    (facts,) = ask("inspect", request)
    assert facts["type"] == "facts"
    return facts


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_says_what_is_there(tmp_path: Path) -> None:
    facts = inspect(tmp_path / "not" / "there" / "yet")
    assert facts["machine"]["cores"] >= 1
    assert facts["python"]["wrong_packages"] == ["no-such-package is missing"]
    assert facts["disk"]["root"].endswith("not/there/yet")
    assert (facts["disk"]["writable"], facts["disk"]["free_bytes"] > 0) == (True, True)
    assert facts["cuda"] is None
    # It makes nothing by looking.
    assert list(tmp_path.iterdir()) == []


def test_asks_the_programs_that_there_are_and_believes_no_client_without_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "nvidia-smi", "echo 'NVIDIA H100, 81559, 550.54'")
    program(tmp_path, "podman", "echo 4.3.1")
    program(tmp_path, "docker", "echo no engine >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    for name in ("apptainer", "singularity", "rsync"):
        program(tmp_path, name, "exit 1")
    facts = inspect(tmp_path)
    assert (facts["gpus"]["nvidia_smi"], facts["gpus"]["devices"]) == (True, ["NVIDIA H100, 81559, 550.54"])
    assert facts["containers"] == {"podman": "4.3.1", "docker": None, "apptainer": None, "singularity": None}
    assert facts["programs"]["rsync"] == str(tmp_path / "rsync")


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("raise ImportError('libcudart.so.12: cannot open\\nmore')", "libcudart.so.12: cannot open"),
        ("import os; os._exit(1)", "PyTorch died, or said nothing within 20 seconds"),
        (
            "__version__ = '2.0+cpu'\nclass version: cuda = None",
            "this build of PyTorch computes on the CPU only",
        ),
        (
            "__version__ = '2.0'\nclass version: cuda = '12.8'\nclass cuda:\n    @staticmethod\n    def init():\n"
            "        raise RuntimeError('The NVIDIA driver on your system is too old')",
            "The NVIDIA driver on your system is too old",
        ),
    ],
)
def test_says_why_cuda_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, problem: str
) -> None:
    (tmp_path / "torch.py").write_text(module)
    # As if it were installed: the interpreter that asks is isolated from variables and folders of whoever runs it.
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    program(python.parent, "python3", f'shift; exec env PYTHONPATH={tmp_path} /usr/bin/python3 "$@"')
    monkeypatch.setattr("secpi_agent.host.inspect_host.sys.executable", str(python))
    facts = inspect_host({"root": str(tmp_path), "packages": {}, "cuda_seconds": 20})
    assert facts["cuda"]["problem"] == problem
    assert facts["cuda"]["devices"] == 0


def test_waits_for_cuda_no_longer_than_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "python", "exec sleep 1000")
    monkeypatch.setattr("secpi_agent.host.inspect_host.sys.executable", str(tmp_path / "python"))
    facts = inspect_host({"root": str(tmp_path), "packages": {}, "cuda_seconds": 0.2})
    assert facts["cuda"]["problem"] == "PyTorch died, or said nothing within 0 seconds"
