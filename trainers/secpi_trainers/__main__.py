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
from .base.session import Session, StopFlag, complain, failure, start_lifeline, write_result
from .jobs import JOBS, check_job, read_job
from .training.gpu import see_one_gpu

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
    parser.add_argument("command", choices=[*JOBS, "doctor"])
    parser.add_argument("--job", type=Path, help="the job document (every command but doctor)")
    options = parser.parse_args(arguments)
    if options.command == "doctor":
        from .doctor import run_doctor

        return run_doctor()
    if options.job is None:
        parser.error("--job is required")
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
    return _run(Session(job.work_folder, options.command, stop, job.events_file), job)


def _run(session: Session, job: Any) -> int:  # noqa: ANN401 - one of JOBS, as the command's module expects
    try:
        with session:
            try:
                see_one_gpu(os.environ)
                # Imported only now: a wrong job must not cost the seconds that torch takes to load.
                module = importlib.import_module(COMMANDS[session.command], __package__)
                run: Callable[[Any, Session], dict[str, Any]] = getattr(module, f"run_{session.command}")
                facts = run(job, session)
            except StoppedError:
                session.finish("stopped", {})
                return EXIT_STOPPED
            except Exception as error:
                session.finish("failed", failure(_as_trainer_error(error, _folders(job))))
                return EXIT_FAILED
            session.finish("done", facts)
            return EXIT_DONE
    except StoppedError:
        write_result(session.work, session.command, "stopped", {"seconds": 0})
        return EXIT_STOPPED
    except TrainerError as error:
        write_result(session.work, session.command, "failed", {**failure(error), "seconds": 0})
        return EXIT_FAILED
    except OSError as error:
        # Not even the work folder can be used, so stderr is all there is.
        complain(f"{session.work}: {error.strerror or error}")
        return EXIT_FAILED


def _folders(job: Any) -> list[Path]:  # noqa: ANN401 - one of JOBS
    """Where the job writes."""
    return [job.work_folder, *([Path(job.output)] if hasattr(job, "output") else [])]


def _as_trainer_error(error: Exception, folders: list[Path]) -> TrainerError:
    if isinstance(error, TrainerError):
        return error
    traceback.print_exc()
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return TrainerError(
            "out-of-memory",
            "the memory did not suffice",
            "lower batch_size or max_tokens, or switch gradient_checkpointing on",
        )
    if is_full(error, folders):
        return TrainerError("disk-full", "the disk is full", "free some space, then run the same job again")
    first_line = (str(error).strip().splitlines() or [""])[0]
    # No hint: whoever shows this knows where the log is, and it holds the stack trace.
    return TrainerError("unexpected", f"{type(error).__name__}: {first_line}")


def _report_bad_job(work: object, command: str, error: BadJobError) -> None:
    complain(error.message)
    if isinstance(work, str) and Path(work).is_absolute():
        try:
            Path(work).mkdir(parents=True, exist_ok=True)
            write_result(Path(work), command, "failed", {**failure(error), "seconds": 0})
        except OSError as problem:
            complain(f"and no result could be written: {problem}")


if __name__ == "__main__":
    code = main()
    if sys.argv[1:2] == ["serve"]:
        # An answer that was cut off is still being computed: taking Python down under that thread aborts the process.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
