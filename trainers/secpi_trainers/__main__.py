"""`python -m secpi_trainers <command> --job job.json`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .base.disk import is_full
from .base.errors import BadJobError, StoppedError, TrainerError
from .base.imports import do_without_torch, long_imports
from .base.memory import is_out_of_memory
from .base.rank import Rank, end_with_launcher, this_rank
from .base.session import Session, StopFlag, complain, failure, start_lifeline, write_result
from .jobs import JOBS, check_job, read_job
from .training.ranks.gpu import see_one_gpu
from .training.ranks.launch import Launch, await_first, lost, run_first, run_further

COMMANDS = {
    "tiny": ".tiny.tiny",
    "prepare": ".data.prepare",
    "train": ".training.train",
    "merge": ".merging.merge",
    "push": ".publishing.push",
    "serve": ".serving.serve",
}
"""Where the command `x` has its `run_x`."""

EXIT_DONE, EXIT_FAILED, EXIT_BAD_JOB, EXIT_STOPPED = 0, 1, 2, 75


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; `<work>/result.json` says the rest."""
    parser = argparse.ArgumentParser(prog="python -m secpi_trainers", description=__doc__)
    parser.add_argument("command", choices=[*JOBS, "doctor", "check"])
    parser.add_argument("--job", type=Path, help="the job document (every command but doctor and check)")
    several = parser.add_argument_group("several processes (train, check)")
    several.add_argument("--ranks", type=int, default=1, help="processes on each machine")
    several.add_argument("--nodes", type=int, default=1, help="machines")
    several.add_argument("--node", type=int, default=0, help="which of them this is")
    several.add_argument("--meet", default="", help="HOST:PORT, an address of the first one")
    options = parser.parse_args(arguments)
    if options.command == "doctor":
        from .doctor import run_doctor

        return run_doctor()
    if options.command == "check":
        from .training.asked.check import run_check

        return run_check(sys.stdin.read(), options.ranks * options.nodes)
    if options.job is None:
        parser.error("--job is required")
    launch = Launch(options.ranks, options.nodes, options.node, options.meet)
    if options.command != "train" and launch.world > 1:
        parser.error("only train runs in several processes")
    stop = StopFlag()
    stop.install()
    try:
        value = read_job(options.job)
    except BadJobError as error:
        complain(error.message)
        return EXIT_BAD_JOB
    if value.get("lifeline") is True:
        start_lifeline()
    try:
        job = check_job(options.command, value)
    except BadJobError as error:
        _report_bad_job(value.get("work"), options.command, error)
        return EXIT_BAD_JOB
    rank = this_rank(os.environ)
    if not rank.is_alone:
        return _run_rank(rank, Session(job.work_folder, options.command, stop, job.events_file, rank), job)
    session = Session(job.work_folder, options.command, stop, job.events_file)
    if launch.node > 0:
        return _run_further(launch, options.job, session, job)
    if launch.world > 1:
        return _run(session, job, lambda: run_first(launch, options.job, session.work, job.threads, stop))
    return _run(session, job, lambda: _command(session, job))


def _command(session: Session, job: Any) -> dict[str, Any]:  # noqa: ANN401 - one of JOBS, as the command's module expects
    if getattr(job, "device", "cpu") != "cpu":
        see_one_gpu(os.environ, session.rank.local)
    # Imported only now: a wrong job must not cost the seconds that torch takes to load.
    with long_imports():
        module = importlib.import_module(COMMANDS[session.command], __package__)
    run: Callable[[Any, Session], dict[str, Any]] = getattr(module, f"run_{session.command}")
    return run(job, session)


def _run_rank(rank: Rank, session: Session, job: Any) -> int:  # noqa: ANN401 - one of JOBS
    """One process of several: torch's launcher ends all of them when one ends with another code than 0."""
    end_with_launcher(os.environ)
    session.own.mkdir(parents=True, exist_ok=True)
    if not rank.is_first:
        log = os.open(session.own / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
    (session.own / "pid").write_text(str(os.getpid()))
    code = _run(session, job, lambda: _command(session, job))
    if code in (EXIT_DONE, EXIT_STOPPED):
        await_first(session)
        return EXIT_DONE
    return code


def _run_further(launch: Launch, file: Path, session: Session, job: Any) -> int:  # noqa: ANN401 - one of JOBS
    """On a further machine: result, lock and events are the first one's."""
    try:
        run_further(launch, file, session.work, job.threads, session.stop)
    except StoppedError:
        return EXIT_STOPPED
    except TrainerError as error:
        complain(error.message)
        return EXIT_FAILED
    return EXIT_DONE


def _run(session: Session, job: Any, run: Callable[[], dict[str, Any]]) -> int:  # noqa: ANN401 - one of JOBS
    try:
        with session:
            try:
                facts = run()
            except StoppedError as error:
                session.finish("stopped", {"checkpoint": _saved(error, session.command, job)})
                return EXIT_STOPPED
            except Exception as error:
                session.finish("failed", failure(_as_trainer_error(error, _folders(job), session.rank)))
                return EXIT_FAILED
            session.finish("done", facts)
            return EXIT_DONE
    except StoppedError:
        # It never had the work folder: whoever has it may be saving.
        write_result(session.own, session.command, "stopped", {"checkpoint": None, "seconds": 0})
        return EXIT_STOPPED
    except TrainerError as error:
        write_result(session.own, session.command, "failed", {**failure(error), "seconds": 0})
        return EXIT_FAILED
    except OSError as error:
        # Not even the work folder can be used, so stderr is all there is.
        complain(f"{session.work}: {error.strerror or error}")
        return EXIT_FAILED


def _saved(error: StoppedError, command: str, job: Any) -> int | None:  # noqa: ANN401 - one of JOBS
    """The step that is gone on from. Who was stopped while a model was loaded or others were awaited has not looked."""
    if error.checkpoint is not None or command != "train":
        return error.checkpoint
    from .training.kept.identity import saved_step

    return saved_step(job)


def _folders(job: Any) -> list[Path]:  # noqa: ANN401 - one of JOBS
    """Where the job writes."""
    return [job.work_folder, *([Path(job.output)] if hasattr(job, "output") else [])]


def _as_trainer_error(error: Exception, folders: list[Path], rank: Rank) -> TrainerError:
    if isinstance(error, TrainerError):
        return error
    traceback.print_exc()
    # First: NCCL says in the same way what it cannot have on a card, and what it has lost.
    if is_out_of_memory(error):
        return TrainerError("out-of-memory", f"the memory did not suffice: {_first_line(error)}")
    if not rank.is_alone:
        from .training.ranks.together import has_lost_another, words_of_loss

        if has_lost_another(error):
            return lost(words_of_loss(error))
    if is_full(error, folders):
        return TrainerError("disk-full", "the disk is full", "free some space, then run the same job again")
    # No hint: whoever shows this knows where the log is, and it holds the stack trace.
    return TrainerError("unexpected", f"{type(error).__name__}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _report_bad_job(work: object, command: str, error: BadJobError) -> None:
    complain(error.message)
    if isinstance(work, str) and Path(work).is_absolute():
        try:
            Path(work).mkdir(parents=True, exist_ok=True)
            write_result(Path(work), command, "failed", {**failure(error), "seconds": 0})
        except OSError as problem:
            complain(f"and no result could be written: {problem}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        do_without_torch()
    code = main()
    if sys.argv[1:2] in (["serve"], ["push"]):
        # An answer or an upload that was cut off is still under way: Python would abort under such a thread, or wait.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
