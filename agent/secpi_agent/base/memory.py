"""Whether the kernel has killed something of ours because memory ran out."""

from __future__ import annotations

import contextlib
from pathlib import Path


class MemoryWatch:
    """Looks at how often it has in our control group (version 2), when made and later. Elsewhere it knows nothing."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._before = self._count()

    def has_killed(self) -> bool:
        """Whether it has since then."""
        now = self._count()
        return self._before is not None and now is not None and now > self._before

    def _count(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, KeyError, StopIteration):
            lines = (self._root / "proc" / "self" / "cgroup").read_text(encoding="ascii").splitlines()
            group = next(line[len("0::/") :] for line in lines if line.startswith("0::/"))
            events = (self._root / "sys" / "fs" / "cgroup" / group / "memory.events").read_text(encoding="ascii")
            return int(dict(line.split() for line in events.splitlines())["oom_kill"])
        return None
