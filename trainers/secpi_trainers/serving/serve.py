"""`serve`: the application of `transformers serve`, in this process, for one model under a name of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ..base.errors import StoppedError, TrainerError
from ..base.files import remove, write_json
from ..base.imports import long_imports
from ..base.session import Session
from ..jobs import ServeJob
from .key import VARIABLE, demand_key

START_SECONDS = 60.0


def run_serve(job: ServeJob, session: Session) -> dict[str, Any]:
    """Answers requests until a signal comes; leaves by `StoppedError`."""
    # The model list scans the Hub cache and answers 500 where there is none; an empty one also keeps other models out.
    cache = session.work / "hub-cache"
    cache.mkdir(exist_ok=True)
    os.environ["HF_HUB_CACHE"] = str(cache)
    _enter_model_room(session.work / "served", job.served_name, Path(job.model))

    with long_imports():
        import torch
        from transformers.cli.serve import Serve

        from ..models.loading import pick_device, quiet_libraries
        from .end_token import leave_out_end_token
        from .tokenize import add_tokenize

    key = os.environ.pop(VARIABLE, None)

    class Guarded(Serve):
        """Tells ids as well, ends answers at the end token, and demands the key from the first request on."""

        def start_server(self) -> None:
            leave_out_end_token(self._model_manager)
            add_tokenize(self.server.config.app, self._chat_handler)
            if key:
                self.server.config.app = demand_key(self.server.config.app, key)
            super().start_server()

    torch.set_num_threads(job.torch_threads)
    quiet_libraries()
    session.stop.check()
    try:
        server = Guarded(
            force_model=job.served_name,
            device=pick_device(job.device),
            dtype=job.dtype,
            host=job.host,
            port=job.port,
            log_level="error",
            non_blocking=True,
        )
    except (OSError, ValueError) as error:
        raise TrainerError("bad-model", f"the model in {job.model} cannot be served: {error}") from error
    ready = session.work / "ready.json"
    try:
        port = _wait_for_port(server, session, job)
        host = f"[{job.host}]" if ":" in job.host else job.host
        address = {
            "port": port,
            "pid": os.getpid(),
            "base_url": f"http://{host}:{port}/v1",
            "model": job.served_name,
        }
        write_json(ready, {"schema": 1, **address})
        session.log(f"serves {job.served_name} on port {port}")
        while not session.stop.is_set:
            if not server._thread.is_alive():
                raise TrainerError("server-died", "the server ended by itself; its log says why")
            time.sleep(0.05)
    finally:
        ready.unlink(missing_ok=True)
        # An answer in the making must not hold the end up.
        server.server.force_exit = True
        server.kill_server()
    raise StoppedError


def _enter_model_room(room: Path, name: str, model: Path) -> None:
    """Makes `name` a relative path of the model, because the server knows a local model by its path only."""
    remove(room)
    room.mkdir()
    (room / name).symlink_to(model, target_is_directory=True)
    os.chdir(room)


def _wait_for_port(server: Any, session: Session, job: ServeJob) -> int:  # noqa: ANN401
    deadline = time.monotonic() + START_SECONDS
    while not (server.server.started and server.server.servers):
        session.stop.check()
        if not server._thread.is_alive() or time.monotonic() > deadline:
            raise TrainerError(
                "no-port",
                f"the server cannot listen on {job.host}, port {job.port}",
                "use port 0 for a free one",
            )
        time.sleep(0.02)
    port: int = server.server.servers[0].sockets[0].getsockname()[1]
    return port
