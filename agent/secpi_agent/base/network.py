"""Where programs of a job find each other."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port


def own_address() -> str:
    """By what other nodes reach this one."""
    return socket.gethostname()
