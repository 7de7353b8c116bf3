"""How much memory is free where a model would be loaded."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import torch


def free_memory(device: str, root: Path = Path("/")) -> int:
    """Bytes that are free on the GPU, or in the memory of this machine and under every limit around this process.

    `root` is where `proc` and `sys` are.
    """
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    return min(_left_on_machine(root), *_left_in_groups(root))


def _left_on_machine(root: Path) -> int:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        # Not Linux: what there is at all.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def _left_in_groups(root: Path) -> list[int]:
    """What is left below each limit: of this process's control group (Slurm's or systemd's, say) and all around it.

    In a container the outermost that is seen is the container's own, and what lies further in need not be seen.
    """
    mounted = root / "sys/fs/cgroup"
    left = [1 << 62]
    for line in _own_groups(root):
        # Number, controllers, path: without controllers it is version 2, where one tree has all of them.
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            tree, names = mounted, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            tree, names = mounted / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        left += [free for part in (group, *group.parents) if (free := _left_in(tree / part, *names)) is not None]
    return left


def _own_groups(root: Path) -> list[str]:
    try:
        return (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []


def _left_in(group: Path, limit: str, used: str) -> int | None:
    """Bytes; files that were read do not count, they give way. None where there is no limit."""
    try:
        most, now = int((group / limit).read_text()), int((group / used).read_text())
        lines = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return None
    kept = {key: int(value) for key, value in (line.split() for line in lines)}
    # Version 1 counts groups inside of it only in the totals.
    return most - now + sum(kept.get(f"total_{name}", kept.get(name, 0)) for name in ("inactive_file", "active_file"))
