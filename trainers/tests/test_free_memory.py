"""Free memory is what every limit around the process leaves, as a made-up machine has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpi_trainers.models.memory import free_memory

MIB = 1 << 20
OWN = "system.slice/slurmd.service/job_7/step_0"
"""As Slurm and systemd nest them."""


def machine(root: Path, groups: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: {9 << 20} kB\nMemAvailable: {8 << 20} kB\n")
    (root / "proc/self/cgroup").write_text(groups)
    return root


def limited(folder: Path, limit: str, used: int, stat: str = "") -> None:
    """A group of version 1 if it is below `memory`, else of version 2."""
    most, now = ("limit_in_bytes", "usage_in_bytes") if "cgroup/memory" in str(folder) else ("max", "current")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"memory.{most}").write_text(f"{limit}\n")
    (folder / f"memory.{now}").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(stat or "anon 1\ninactive_file 0\nactive_file 0\n")


@pytest.mark.parametrize("where", [OWN, "system.slice/slurmd.service/job_7", "system.slice", ""])
def test_the_narrowest_limit_counts_wherever_it_stands(where: str, tmp_path: Path) -> None:
    root = machine(tmp_path, f"0::/{OWN}\n")
    for group in [OWN, *map(str, Path(OWN).parents)]:
        limited(root / "sys/fs/cgroup" / group, "max", 50 * MIB)
    limited(root / "sys/fs/cgroup" / where, str(100 * MIB), 60 * MIB, f"anon 1\ninactive_file {MIB}\nactive_file 4\n")
    assert free_memory("cpu", root) == 41 * MIB + 4


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    root = machine(tmp_path, f"4:memory:/{OWN}\n0::/{OWN}\n")
    limited(root / "sys/fs/cgroup" / OWN, "max", 60 * MIB)
    limited(root / "sys/fs/cgroup/memory" / OWN, str((1 << 63) - 4096), 60 * MIB)
    # Somebody else's.
    limited(root / "sys/fs/cgroup/system.slice/other", str(MIB), 0)
    assert free_memory("cpu", root) == 8 << 30


def test_version_1_has_a_tree_for_memory(tmp_path: Path) -> None:
    root = machine(tmp_path, f"9:name=systemd:/elsewhere\n4:cpu,memory:/{OWN}\n0::/\n")
    totals = f"inactive_file 1\nactive_file 2\ntotal_inactive_file {MIB}\ntotal_active_file 3\n"
    limited(root / "sys/fs/cgroup/memory/system.slice", str(100 * MIB), 60 * MIB, totals)
    assert free_memory("cpu", root) == 41 * MIB + 3


def test_in_a_container_its_own_group_is_the_outermost(tmp_path: Path) -> None:
    # Without a namespace of its own it is told a path of the host, and sees its own group in the place of the root.
    root = machine(tmp_path, "4:memory:/docker/f00d\n0::/docker/f00d\n")
    limited(root / "sys/fs/cgroup/memory", str(70 * MIB), 60 * MIB)
    assert free_memory("cpu", root) == 10 * MIB
