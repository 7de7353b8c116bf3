"""What is installed beside the interpreter that runs the agent, which is the one that runs the job."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def wrong_packages(wanted: dict[str, str]) -> list[str]:
    """
    A sentence for each package that is missing or another version than is wanted.

    A build's own mark behind `+` does not count: the builds of torch for a CPU and for CUDA have the same version.
    """
    wrong = []
    for name, pinned in wanted.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if found.partition("+")[0] != pinned.partition("+")[0]:
            wrong.append(f"{name} is {found}, not {pinned}")
    return wrong
