"""Where programs of a job find each other."""

from __future__ import annotations

import socket


def free_port(address: str = "") -> int:
    """A TCP port that nobody listens on right now, at an address of this machine or at all of them."""
    with socket.socket() as one:
        one.bind((address, 0))
        port: int = one.getsockname()[1]
        return port


def own_address() -> str:
    """By what other nodes reach this one."""
    return socket.gethostname()
