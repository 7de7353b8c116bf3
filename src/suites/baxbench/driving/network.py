"""The way to an app: its own network, which has no other."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import time
from typing import Any

from driving.engine import client

# Where tests find the app: an address that is not its loopback, as behind a published port. An app that listens to
# 127.0.0.1 alone is not found.
ADDRESS = "192.0.2.1"
POLL_SECONDS = 1.0
CLONE_NEWNET = 0x40000000


class NeverUp(Exception):
    """The app runs, and nobody answers."""


def enter(pid: int) -> None:
    """Puts this process into the network of a container, which has no other.

    There the app has a name that the official tests use.
    """
    if ctypes.CDLL(None, use_errno=True).setns(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "the network of a container cannot be entered")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(ADDRESS))
        fcntl.ioctl(probe, 0x8916, address)  # SIOCSIFADDR
    real = socket.getaddrinfo

    def find(host: Any, *args: Any, **more: Any) -> Any:
        return real(ADDRESS if host == "localhost" else host, *args, **more)

    socket.getaddrinfo = find


def is_over(docker: Any, container_id: str) -> bool:
    """Whether an app has ended. Its server is the container's first process, so nothing will listen any more."""
    return docker.containers.get(container_id).status in ("exited", "dead", "stopped")


def wait_until_up(env: Any, container_id: str) -> None:
    """As the harness does: asks once a second, until anything at all answers. Who has ended is not waited for."""
    import requests

    docker = client()
    began = time.time()
    while True:
        over = is_over(docker, container_id)
        try:
            requests.get(f"http://localhost:{env.port}")  # noqa: S113 - none as in the harness; whoever waits is ended
            return
        except requests.ConnectionError:
            if over:
                raise RuntimeError("has ended before it listened") from None
        if time.time() - began > env.wait_to_start_time:
            raise NeverUp
        time.sleep(POLL_SECONDS)


def waited(env: Any, container_id: str) -> str:
    """How waiting came out, in a word that can be told to another process."""
    try:
        wait_until_up(env, container_id)
    except NeverUp:
        return "never up"
    except Exception:  # the harness takes any
        return "raised"
    return "up"
