"""`push`: files of a folder become files of a repository on the Hub, in one commit, if they differ."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import StoppedError, TrainerError
from ..base.session import Session, StopFlag
from ..jobs import PushJob

TOKEN = "HF_TOKEN"  # noqa: S105 - a name
"""The variable that holds it."""


def run_push(job: PushJob, session: Session) -> dict[str, Any]:
    """Uploads what differs. The repository is there already: whoever asks has made it, and knows who may read it."""
    token = os.environ.pop(TOKEN, None)
    if not token:
        raise TrainerError("no-token", f"there is no {TOKEN} to upload with", "name it under `secrets` of the target")
    # Elsewhere models are folders, and whoever asks a hub is wrong. Read when the library is loaded, so set before.
    # By LFS, as the orchestrator uploads: Xet hashes by itself what is hashed already.
    os.environ.update(HF_HUB_OFFLINE="0", HF_HUB_DISABLE_XET="1")
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    files = _checked(Path(job.folder), job.files, session)
    api = HfApi(endpoint=job.hub, token=token)
    try:
        # A signal is not awaited for: the commit at the end takes place or does not, and what is there by then is not
        # sent again.
        return session.stop.leave(lambda: _push(api, job, session, files))
    except (TrainerError, StoppedError, MemoryError):
        raise
    except Exception as error:
        # Whatever it is, its words may hold what was sent, or an address with a signature: they stay here.
        cause = (error.__cause__ or error) if type(error) is RuntimeError else error
        status = getattr(getattr(cause, "response", None), "status_code", None)
        said = type(cause).__name__ if status is None else f"it answered {status}"
        raise TrainerError(
            "hub-refused",
            f"{job.hub} did not take the files for {job.repo}: {said}",
            "check the token's rights and the network there, then run again: what is there already is not sent again",
        ) from None


@dataclass(frozen=True)
class Pushed:
    """A file, and what both sides call its content."""

    path: Path
    sha256: str
    git: str


def _checked(folder: Path, wanted: dict[str, str], session: Session) -> dict[str, Pushed]:
    """The files that were asked for, read once. Throws `trainer/changed-weights` if one is not what was made."""
    found = {}
    for name, sha256 in sorted(wanted.items()):
        path = folder / name
        pushed = _hashed(path, session.stop) if path.is_file() else None
        if pushed is None or pushed.sha256 != sha256:
            raise TrainerError(
                "changed-weights",
                f"{name} in {folder} is {'not there' if pushed is None else 'not what was made'}",
                "run again with `--force train`",
            )
        found[name] = pushed
    return found


def _hashed(path: Path, stop: StopFlag) -> Pushed:
    """In one pass: SHA-256, and what git calls it."""
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % path.stat().st_size)  # noqa: S324 - git's
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            stop.check()
            sha256.update(chunk)
            git.update(chunk)
    return Pushed(path, sha256.hexdigest(), git.hexdigest())


def _push(api: Any, job: PushJob, session: Session, files: dict[str, Pushed]) -> dict[str, Any]:  # noqa: ANN401
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile

    head = api.repo_info(job.repo, revision="main").sha
    there = {
        item.path: item.lfs.sha256 if item.lfs else item.blob_id
        for item in api.list_repo_tree(job.repo, recursive=True, revision=head)
        if isinstance(item, RepoFile)
    }
    different = [name for name, file in files.items() if there.get(job.prefix + name) not in (file.git, file.sha256)]
    size = sum(files[name].path.stat().st_size for name in different)
    session.log(f"{len(different)} of {len(files)} files go to {job.repo}, {size / 1e9:.2f} GB")
    if different:
        operations = [CommitOperationAdd(job.prefix + name, files[name].path) for name in different]
        for name, operation in zip(different, operations, strict=True):
            # It would read the whole file once more to find out.
            operation.upload_info.sha256 = bytes.fromhex(files[name].sha256)
        # On top of what was just looked at: the Hub refuses it if somebody else was faster.
        head = api.create_commit(
            job.repo, operations=operations, commit_message=job.message, revision="main", parent_commit=head
        ).oid
    oids = {job.prefix + name: file.git for name, file in files.items()}
    return {"commit": head, "uploaded": different, "bytes": size, "git_oids": oids}
