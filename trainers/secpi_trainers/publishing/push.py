"""`push`: the files of a folder become files of a repository on the Hub, in one commit, if they differ."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ..base.errors import TrainerError
from ..base.files import sha256_of
from ..base.session import Session
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
    folder = Path(job.folder)
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files = {job.prefix + name: path for name, path in found.items() if name not in job.leave_out}
    if not files:
        raise TrainerError("nothing-to-push", f"there are no files in {folder}")
    api = HfApi(endpoint=job.hub, token=token)
    try:
        return _push(api, job, session, files)
    except (OSError, ValueError) as error:
        # Errors of requests are OSErrors. Their words may hold what was sent, so they stay here.
        status = getattr(getattr(error, "response", None), "status_code", None)
        said = type(error).__name__ if status is None else f"it answered {status}"
        raise TrainerError(
            "hub-refused",
            f"{job.hub} did not take the files for {job.repo}: {said}",
            "check the token's rights and the network there, then run again: what is there already is not sent again",
        ) from None


def _push(api: Any, job: PushJob, session: Session, files: dict[str, Path]) -> dict[str, Any]:  # noqa: ANN401
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile

    head = api.repo_info(job.repo, revision="main").sha
    there = {
        item.path: item.lfs.sha256 if item.lfs else item.blob_id
        for item in api.list_repo_tree(job.repo, recursive=True, revision=head)
        if isinstance(item, RepoFile)
    }
    blobs = {name: _git_blob(path) for name, path in files.items()}
    different = [
        name
        for name, path in files.items()
        if there.get(name) != blobs[name] and (name not in there or there[name] != sha256_of(path))
    ]
    size = sum(files[name].stat().st_size for name in different)
    session.log(f"{len(different)} of {len(files)} files go to {job.repo}, {size / 1e9:.2f} GB")
    session.stop.check()
    if different:
        operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=files[name]) for name in different]
        # On top of what was just looked at: the Hub refuses it if somebody else was faster.
        head = api.create_commit(
            job.repo, operations=operations, commit_message=job.message, revision="main", parent_commit=head
        ).oid
    return {"commit": head, "uploaded": sorted(different), "bytes": size, "git_oids": blobs}


def _git_blob(path: Path) -> str:
    """What git calls a file's content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)  # noqa: S324 - git's
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
