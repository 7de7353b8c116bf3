"""What to change in a training whose memory did not suffice, as settings."""

from __future__ import annotations

from collections.abc import Sequence

from ...jobs import TrainJob

_STEP = 64
"""Lengths are said as multiples of it."""


def settings_that_take_less(job: TrainJob, lengths: Sequence[int], device: str, processes: int) -> list[str]:
    """Settings that take less memory, the ones that cost least first. `lengths` are those of the rows, in tokens."""
    found: list[str] = []
    may_offload = processes > 1 and device == "cuda" and not job.parallel.offload
    if job.batch_size > 1:
        # A divisor, so that a step takes as many rows as before.
        size = next(part for part in range(job.batch_size // 2, 0, -1) if job.batch_size % part == 0)
        passes = job.accumulation(processes) * job.batch_size // size
        found.append(f"batch_size: {size} with gradient_accumulation: {passes}, the same step in more passes")
    if not job.gradient_checkpointing:
        found.append("gradient_checkpointing: true")
    if job.loss == "plain":
        found.append("loss: chunked")
    if job.method == "lora" and device == "cuda" and job.parallel.strategy in ("auto", "ddp"):
        found.append("method: qlora, where bitsandbytes is installed")
    if job.method == "full":
        found.append("method: lora" + (", or parallel: {strategy: fsdp, offload: true}" if may_offload else ""))
    shorter = _shorter(job, lengths)
    if shorter is not None:
        found.append(shorter)
    return found


def _shorter(job: TrainJob, lengths: Sequence[int]) -> str | None:
    """Half of what the longest pass takes, and what of the rows that costs."""
    now = job.max_tokens if job.packing else max(lengths, default=0)
    half = now // 2
    if half == 0:
        return None
    half -= half % _STEP if half > _STEP else 0
    lost = sum(length > half for length in lengths)
    return f"max_tokens: {half}, which drops {lost} of {len(lengths)} rows ({100 * lost / max(len(lengths), 1):.0f} %)"
