"""Memory that did not suffice: recognised in an error, and in the end of a process that could say nothing any more."""

from __future__ import annotations

from pathlib import Path

_SAID = (
    "out of memory",
    "can't allocate memory",
    "Cannot allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Of the CPU's allocator, and of libraries on a GPU that have no class for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, the host's or a GPU's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, (RuntimeError, OSError)) and any(words in str(error) for words in _SAID)


class OutOfMemoryWatch:
    """Looks at how often the kernel has killed for want of memory in our control group, then and now."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._file = _events_file(root)
        self._before = self._count()

    def hint(self) -> str:
        """What to tell of a process that SIGKILL has ended."""
        now = self._count()
        if self._before is not None and now is not None and now > self._before:
            return "the kernel killed it for want of memory (not the GPU's): ask for more, or let it take less"
        return "SIGKILL is how the kernel ends what takes too much memory (not the GPU's); `dmesg` may say so"

    def _count(self) -> int | None:
        try:
            lines = dict(line.split() for line in self._file.read_text().splitlines())
            return int(lines["oom_kill"])
        except (OSError, ValueError, KeyError):
            return None


def _events_file(root: Path) -> Path:
    """Of this process's control group (version 2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        group = next(line.partition("::")[2] for line in lines if line.startswith("0::"))
    except (OSError, StopIteration):
        group = "/"
    return root / "sys/fs/cgroup" / group.lstrip("/") / "memory.events"
