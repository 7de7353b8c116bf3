"""How much memory is free where a model would be loaded."""

from __future__ import annotations

import os
from pathlib import Path

import torch

CGROUPS = Path("/sys/fs/cgroup")
MACHINE = Path("/proc/meminfo")


def free_memory(device: str) -> int:
    """Bytes that are free on the GPU, or in the memory of this machine and of the container around this process."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    return min(_left_on_machine(), *_left_in_groups(CGROUPS))


def _left_on_machine() -> int:
    try:
        lines = MACHINE.read_text().splitlines()
    except OSError:
        # Not Linux: what there is at all.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def _left_in_groups(root: Path) -> list[int]:
    """What the limit of a container leaves (cgroup v2, then v1); files that were read do not count, they give way."""
    left = [1 << 62]
    for limit, used, stat in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ):
        try:
            most, now = int((root / limit).read_text()), int((root / used).read_text())
            lines = (root / stat).read_text().splitlines()
        except (OSError, ValueError):
            continue
        kept = {key: int(value) for key, value in (line.split() for line in lines)}
        left.append(most - now + kept.get("inactive_file", 0) + kept.get("active_file", 0))
    return left
