"""`prepare`: samples → token ids and labels, row by row, with a reason for each row that is left out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import IO, Any

from ..base.errors import TrainerError
from ..base.files import put_in_place, read_json_lines, staging, write_json
from ..base.session import Session
from ..jobs import PrepareJob
from ..models.loading import load_tokenizer
from .rows import DroppedError, RowTokeniser, TokenisedRow, texts_of

PROGRESS_EVERY = 100


def run_prepare(job: PrepareJob, session: Session) -> dict[str, Any]:
    """Fills `output` with prepared.jsonl, holdout.jsonl, dropped.jsonl and stats.json."""
    tokeniser = RowTokeniser(load_tokenizer(job.model, job.revision))
    total = sum(1 for _ in read_json_lines(Path(job.samples), "samples"))
    with staging(job.output_folder) as build:
        statistics = _tokenise_all(job, session, tokeniser, total, build)
        held_out = _choose(statistics.tasks, job.holdout, job.seed)
        if len(statistics.tasks) <= len(held_out):
            raise TrainerError(
                "nothing-to-train",
                f"of {total} rows {len(statistics.tasks)} can be used, and {len(held_out)} are held out",
                _most_common_reason(statistics.dropped),
            )
        _split(build, held_out)
        facts = statistics.facts(total, len(held_out))
        write_json(build / "stats.json", {"schema": 1, **facts})
        for name in ("prepared.jsonl", "holdout.jsonl", "dropped.jsonl", "stats.json"):
            put_in_place(build / name, job.output_folder / name)
    return facts


def _tokenise_all(job: PrepareJob, session: Session, tokeniser: RowTokeniser, total: int, build: Path) -> _Statistics:
    statistics = _Statistics()
    seen: set[str] = set()
    with (build / "kept.jsonl").open("w") as kept, (build / "dropped.jsonl").open("w") as dropped:
        lines = read_json_lines(Path(job.samples), "samples")
        for done, (number, line) in enumerate(lines, start=1):
            row_id, prompt, completion = texts_of(number, line, ("id", "prompt", "completion"))
            task = texts_of(number, line, ("task_id",))[0] if "task_id" in line else row_id
            session.stop.check()
            if row_id in seen:
                raise TrainerError("bad-rows", f"the id {row_id} stands twice in the samples")
            seen.add(row_id)
            try:
                row = tokeniser.tokenise(prompt, completion, job.max_tokens)
            except DroppedError as error:
                statistics.dropped[error.reason] += 1
                _write_line(dropped, {"id": row_id, "reason": error.reason})
            else:
                statistics.keep(row_id, task, row)
                _write_line(kept, {"id": row_id, "input_ids": row.input_ids, "labels": row.labels})
            if done % PROGRESS_EVERY == 0 or done == total:
                session.progress(done, total, "rows")
    return statistics


class _Statistics:
    def __init__(self) -> None:
        self.tasks: dict[str, str] = {}
        self.lengths: list[int] = []
        self.trained = 0
        self.border_merges = 0
        self.composed = 0
        self.dropped: Counter[str] = Counter()

    def keep(self, row_id: str, task: str, row: TokenisedRow) -> None:
        self.tasks[row_id] = task
        self.lengths.append(len(row.input_ids))
        self.trained += row.trained
        self.border_merges += row.border_merges
        self.composed += row.composed

    def facts(self, total: int, held_out: int) -> dict[str, Any]:
        lengths = sorted(self.lengths)
        return {
            "rows": total,
            "kept": len(lengths) - held_out,
            "held_out": held_out,
            "dropped": dict(sorted(self.dropped.items())),
            "tokens": {
                "total": sum(lengths),
                "trained": self.trained,
                "min": lengths[0],
                "median": lengths[len(lengths) // 2],
                "p95": lengths[min(len(lengths) * 95 // 100, len(lengths) - 1)],
                "max": lengths[-1],
            },
            "histogram": _histogram(lengths),
            "border_merges": self.border_merges,
            "composed": self.composed,
        }


def _histogram(lengths: list[int]) -> list[dict[str, int]]:
    """Rows by length, in powers of two from 64."""
    buckets: Counter[int] = Counter(max(64, 1 << (length - 1).bit_length()) for length in lengths)
    return [{"up_to": edge, "rows": buckets[edge]} for edge in sorted(buckets)]


def _choose(tasks: dict[str, str], count: int, seed: int) -> set[str]:
    """Whole tasks by hash of seed and task until they have `count` rows: the same ones, whatever stands around them.

    `tasks` has each row's task. What a model has learnt of one row helps with another of the same task.
    """
    rows: dict[str, list[str]] = {}
    for row_id, task in tasks.items():
        rows.setdefault(task, []).append(row_id)
    chosen: set[str] = set()
    for task in sorted(rows, key=lambda task: hashlib.sha256(f"{seed}:{task}".encode()).digest()):
        if len(chosen) >= count:
            break
        chosen.update(rows[task])
    return chosen


def _split(build: Path, held_out: set[str]) -> None:
    with (
        (build / "kept.jsonl").open() as rows,
        (build / "prepared.jsonl").open("w") as train,
        (build / "holdout.jsonl").open("w") as rest,
    ):
        for line in rows:
            target = rest if held_out and json.loads(line)["id"] in held_out else train
            target.write(line)


def _write_line(file: IO[str], value: dict[str, Any]) -> None:
    file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


def _most_common_reason(dropped: Counter[str]) -> str | None:
    if not dropped:
        return None
    reason, count = dropped.most_common(1)[0]
    return f"most were dropped as {reason} ({count})"
