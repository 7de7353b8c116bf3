"""Programs of a job in a real container: seen, stopped and counted like others, and gone when the job is over."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_image import HAS_PODMAN, image, podman
from counting_job import Job, ask
from means import needs

from secpi_agent.base.processes import marked
from secpi_agent.errors import AgentError
from secpi_agent.jobs import containers
from secpi_agent.jobs.containers import Inside, wrap
from secpi_agent.jobs.spec import Container

pytestmark = needs(HAS_PODMAN, "there is no podman here (podman, crun, catatonit; as root)")


class ContainedJob(Job):
    """The same job, in a container."""

    def __init__(self, folder: Path, script: str = "", grace: float = 5) -> None:
        super().__init__(folder, script, grace)
        # It counts where it may write.
        self.runs = self.folder / "work" / "runs"
        self.spec["steps"] = [
            self.step("only", f'echo "{{events}}" >>"{{work}}/runs"; echo made >"{{work}}/made"; {script}')
        ]
        self.spec["container"] = {
            "engine": "podman",
            "image": image(),
            "gpus": False,
            "mounts": ["/usr"],
            "sandboxes": False,
        }

    @property
    def containers(self) -> list[str]:
        """Those that there are of it."""
        names = podman("ps", "--all", "--format", "{{.Names}}").splitlines()
        return [name for name in names if name.startswith(self.key)]


@pytest.fixture
def left(tmp_path: Path) -> Iterator[None]:
    yield
    names = podman("ps", "--all", "--format", "{{.Names}}").splitlines()
    assert [name for name in names if f"test-{tmp_path.name}-{os.getpid()}" in name] == []
    assert marked(f"test-{tmp_path.name}-{os.getpid()}/") == []


def test_runs_once_and_makes_files_of_ours(tmp_path: Path, left: None) -> None:
    job = ContainedJob(tmp_path, 'echo "in $(cat /proc/1/comm)"; echo said >>"{events}"; ls /home || true')
    job.start()
    end = job.end()
    assert (end["outcome"], job.ran, end["outputs"][0]["files"][0]["bytes"]) == ("done", [1], 5)
    assert (job.folder / "work" / "made").stat().st_uid == os.getuid()
    assert (job.folder / "attempts" / "1" / "events.jsonl").read_text() == "said\n"
    assert "in podman-init" in job.log()
    # What is not given to it is not there.
    assert "No such file" in job.log()


HAS_BUBBLEWRAP = shutil.which("bwrap") is not None
if not HAS_BUBBLEWRAP and os.environ.get("CI") == "true":
    raise RuntimeError("there is no bubblewrap: install it")

_BUBBLEWRAP = (
    "bwrap --unshare-pid --unshare-net --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib"
    " --symlink usr/lib64 /lib64 --proc /proc sh -c 'echo isolated, process $$'"
)


@needs(HAS_BUBBLEWRAP, "there is no bubblewrap here")
@pytest.mark.parametrize("sandboxes", [True, False])
def test_makes_sandboxes_inside_where_the_job_says_so_and_nowhere_else(
    tmp_path: Path, left: None, sandboxes: bool
) -> None:
    job = ContainedJob(tmp_path, _BUBBLEWRAP)
    job.spec["container"]["sandboxes"] = sandboxes
    job.start()
    assert job.end()["outcome"] == ("done" if sandboxes else "failed")
    assert ("isolated, process 2" in job.log()) is sandboxes


def test_gives_docker_and_ordinary_users_what_bubblewrap_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for engine in ("podman", "docker"):
        (tmp_path / engine).touch(0o755)
    monkeypatch.setattr("secpi_agent.jobs.containers.engine_path", lambda engine: str(tmp_path / engine))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    events = tmp_path / "events"
    inside = Inside(
        "name", ["true"], {}, {}, tmp_path, tmp_path / "d", events, [], "mark", network=True, grace_seconds=1
    )

    def given(engine: str, *, sandboxes: bool) -> set[str]:
        container: Container = {
            "engine": engine,
            "image": f"sha256:{'0' * 64}",
            "gpus": False,
            "mounts": [],
            "sandboxes": sandboxes,
        }
        return {argument for argument in wrap(container, inside) if "cap-" in argument or "security-opt" in argument}

    always = {"--cap-drop=all", "--security-opt=no-new-privileges"}
    for engine in ("podman", "docker"):
        assert given(engine, sandboxes=False) == always
    assert given("podman", sandboxes=True) == always | {"--security-opt=unmask=ALL"}
    docker = {f"--security-opt={part}=unconfined" for part in ("systempaths", "seccomp", "apparmor")}
    assert given("docker", sandboxes=True) == always | docker


def test_may_not_write_what_proves_its_end(tmp_path: Path, left: None) -> None:
    forged = 'echo "{}" >"$(dirname "{events}")/exit.json"; echo x >"{in:file}"; true'
    job = ContainedJob(tmp_path, forged)
    given = tmp_path / "given"
    given.write_text("given")
    job.spec["inputs"] = {"file": str(given)}
    job.start()
    assert job.end()["outcome"] == "done"
    assert given.read_text() == "given"
    assert job.log().count("Read-only file system") == 1


def test_saves_what_it_has_when_it_is_told_to_stop(tmp_path: Path, left: None) -> None:
    job = ContainedJob(tmp_path, "trap 'echo saved; exit 75' TERM; echo here; sleep 100 & wait")
    job.start()
    job.await_log("here")
    job.cancel()
    end = job.end()
    assert (end["outcome"], end["code"]) == ("stopped", 75)
    assert "saved" in job.log()


def test_what_was_stopped_before_it_began_does_not_count_as_done(tmp_path: Path, left: None) -> None:
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        job = ContainedJob(folder)
        job.key = job.spec["key"] = f"test-{tmp_path.name}-{os.getpid()}-{number}"
        job.start()
        # Somewhere in the start of its container.
        time.sleep(number * 0.05)
        job.cancel()
        first = job.end()
        if first["outcome"] != "done":
            job.start(2)
            assert job.end(2)["outcome"] == "done", number
        assert job.ran, number


def test_is_killed_when_it_does_not_stop(tmp_path: Path, left: None) -> None:
    job = ContainedJob(tmp_path, "trap '' TERM; echo here; while :; do sleep 1; done", grace=1)
    job.start()
    job.await_log("here")
    job.cancel()
    assert job.end()["outcome"] == "stopped"


def test_nothing_is_left_of_it_when_its_supervisor_is_killed(tmp_path: Path, left: None) -> None:
    job = ContainedJob(tmp_path, "echo here; sleep 100")
    job.start()
    job.await_log("here")
    owner = json.loads((job.folder / "attempts" / "1" / "owner.json").read_text())
    os.kill(owner["pid"], signal.SIGKILL)
    while Path(f"/proc/{owner['pid']}").exists():
        time.sleep(0.05)
    assert ask("poll", job.request()) == [{"type": "state", "state": "lost"}]
    assert job.containers == []
    assert job.start(2)["state"] == "running"
    job.await_log("here", 2)
    job.cancel(2)
    job.end(2)
    assert job.ran == [1, 2]


def test_is_removed_although_podman_gives_up_at_first(
    tmp_path: Path, left: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test-{tmp_path.name}-{os.getpid()}-only"
    podman("run", "--detach", "--network=host", f"--name={name}", "--volume=/usr:/usr:ro", image(), "sleep", "100")
    # What it said on a busy machine; the container is still there then.
    program = tmp_path / "podman"
    gives_up = f'if [ "$1" = rm ] && [ ! -e {tmp_path}/asked ]; then touch {tmp_path}/asked; exit 125; fi'
    program.write_text(f'#!/bin/sh\n{gives_up}\nexec podman "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(containers, "engine_path", lambda _: str(program))
    containers.remove("podman", name)
    assert (tmp_path / "asked").exists()
    assert name not in podman("ps", "--all", "--format", "{{.Names}}").splitlines()


def test_a_secret_is_neither_in_its_settings_nor_left_on_the_disk(tmp_path: Path, left: None) -> None:
    canary = "canary 'quoted' $x 73ab"
    job = ContainedJob(
        tmp_path, 'printf %s "$TOKEN" | sha256sum; echo here; while [ ! -e "{work}/go-on" ]; do sleep 0.1; done'
    )
    job.spec["secrets"] = ["TOKEN"]
    ask("start", {**job.start_request(), "secrets": {"TOKEN": canary}})
    job.await_log("here")
    (name,) = job.containers
    assert "73ab" not in podman("inspect", name)
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"73ab" not in process.read_bytes(), process
        except OSError:
            continue
    found = subprocess.run(["/bin/grep", "-rl", "73ab", str(job.folder)], capture_output=True, check=False)
    assert found.stdout == b""
    (job.folder / "work" / "go-on").touch()
    assert job.end()["outcome"] == "done"
    assert hashlib.sha256(canary.encode()).hexdigest() in job.log()


def test_a_secret_that_no_container_has_taken_is_gone_once_the_attempt_is_known_to_be_lost(
    tmp_path: Path, left: None
) -> None:
    job = ContainedJob(tmp_path)
    job.spec["secrets"] = ["TOKEN"]
    ask("start", {**job.start_request(), "secrets": {"TOKEN": "canary"}})
    attempt = job.folder / "attempts" / "1"
    while not (attempt / "secrets" / "environment").exists():
        assert not (attempt / "exit.json").exists()
        time.sleep(0.001)
    os.kill(json.loads((attempt / "owner.json").read_text())["pid"], signal.SIGKILL)
    assert job.follow()[-1] == {"type": "state", "state": "lost"}
    found = subprocess.run(["/bin/grep", "-rl", "canary", str(job.folder)], capture_output=True, check=False)
    assert found.stdout == b""


def test_an_engine_that_does_not_answer_is_told_from_an_image_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setattr(containers, "engine_path", lambda _: str(client))
    lacking: Container = {
        "engine": "docker",
        "image": f"sha256:{'0' * 64}",
        "gpus": False,
        "mounts": [],
        "sandboxes": False,
    }
    with pytest.raises(AgentError) as told:
        containers.ensure_image(lacking, lambda: False)
    assert told.value.code == "container/no-engine"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"image": f"sha256:{'0' * 64}"}, "container/no-image"),
        ({"image": f"127.0.0.1:9/nobody/nothing@sha256:{'0' * 64}"}, "container/no-image"),
        ({"gpus": True}, "container/no-gpu"),
        ({"engine": "apptainer"}, "container/no-engine"),
        ({"mounts": ["/usr", "/tmp/a:b"]}, "container/bad-path"),  # noqa: S108
    ],
)
def test_says_what_it_lacks(tmp_path: Path, left: None, change: dict[str, object], code: str) -> None:
    job = ContainedJob(tmp_path)
    job.spec["container"].update(change)
    if change.get("engine") == "apptainer":
        job.spec["container"]["image"] = f"{tmp_path}/none.sif@sha256:{'0' * 64}"
    job.start()
    end = job.end()
    assert (end["outcome"], end["error"]["code"]) == ("failed", code)
    assert end["error"]["hint"]
    assert job.ran == []


def test_apptainer_is_told_what_the_program_may_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # There is none here: a program in its place says what it was given.
    stand_in = tmp_path / "apptainer"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"; env | grep ^APPTAINERENV_; exit 3\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    image_file = tmp_path / "image.sif"
    image_file.write_bytes(b"image")
    job = ContainedJob(tmp_path)
    digest = hashlib.sha256(b"image").hexdigest()
    job.spec["container"] = {
        "engine": "apptainer",
        "image": f"{image_file}@sha256:{digest}",
        "gpus": True,
        "sandboxes": False,
        "mounts": [],
    }
    job.spec["secrets"] = ["TOKEN"]
    job.spec["env"]["LIST"] = "a,b"
    ask("start", {**job.start_request(), "secrets": {"TOKEN": "canary,73ab"}})
    assert job.end()["code"] == 3
    said = job.log().splitlines()
    arguments = said[: said.index("sh")]
    assert arguments[:5] == ["exec", "--containall", "--cleanenv", "--no-home", "--nv"]
    assert f"--bind={job.folder}/work:{job.folder}/work:rw" in arguments
    assert not any("73ab" in argument or "a,b" in argument for argument in arguments)
    assert {"APPTAINERENV_TOKEN=canary,73ab", "APPTAINERENV_LIST=a,b"} <= set(said)


def test_gives_apptainer_no_path_that_it_would_take_for_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "apptainer"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    container: Container = {
        "engine": "apptainer",
        "image": f"/image.sif@sha256:{'0' * 64}",
        "gpus": False,
        "sandboxes": False,
        "mounts": [],
    }
    work = tmp_path / "runs,/etc"
    documents, events = tmp_path / "documents", tmp_path / "events"
    inside = Inside("name", ["true"], {}, {}, work, documents, events, [], "mark", network=False, grace_seconds=1)
    with pytest.raises(AgentError) as caught:
        wrap(container, inside)
    assert caught.value.code == "container/bad-path"


def test_is_not_started_on_several_nodes(tmp_path: Path) -> None:
    job = ContainedJob(tmp_path)
    job.spec["steps"][0]["launch"] = "per-node"
    assert job.start()["code"] == "job/bad-spec"
