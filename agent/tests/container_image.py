"""
A small image for tests, in which the programs of this machine run: all but empty, with links into a mounted /usr.

As a program it prints the image's digest, once the image is there.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile

HAS_PODMAN = os.getuid() == 0 and shutil.which("podman") is not None
if not HAS_PODMAN and os.environ.get("CI") == "true":
    raise RuntimeError("there is no podman: install podman, crun and catatonit")

_NAME = "localhost/secpi-test"


def _content() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for folder in ("usr", "etc", "tmp", "proc", "sys", "dev", "run", "root"):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o755
            tar.addfile(entry)
        for name in ("bin", "sbin", "lib", "lib64"):
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.SYMTYPE
            entry.linkname = f"usr/{name}"
            tar.addfile(entry)
    return made.getvalue()


def podman(*argv: str, stdin: bytes = b"") -> str:
    """What it prints."""
    done = subprocess.run(["/usr/bin/env", "podman", *argv], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def image() -> str:
    """Its id, as a recipe names it."""
    known = podman("images", "--quiet", "--no-trunc", _NAME).splitlines()
    if not known:
        podman("import", "-", _NAME, stdin=_content())
        known = podman("images", "--quiet", "--no-trunc", _NAME).splitlines()
    return known[0] if known[0].startswith("sha256:") else f"sha256:{known[0]}"


if __name__ == "__main__":
    sys.stdout.write(f"{image()}\n")
