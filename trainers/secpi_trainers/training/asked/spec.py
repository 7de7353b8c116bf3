"""What a training is, whoever carries it out: the recipe's `train`, less what says where and how it runs.

The same names, kinds and defaults as `src/stages/train/spec.ts`; a test compares them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ...base.fields import Count, Dtype, Natural, NotNegative, Positive, Share, Strict


class LoraSettings(Strict):
    """Shape of the adapter."""

    rank: Annotated[int, Field(ge=1)] = 32
    alpha: Positive = 64.0
    dropout: Share = 0
    targets: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = "all-linear"


class AdamSettings(Strict):
    """AdamW's own numbers."""

    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Positive = 1e-8


class ParallelSettings(Strict):
    """How several GPUs share the work."""

    strategy: Literal["auto", "ddp", "fsdp", "zero3"] = "auto"
    offload: bool = False


class TrainSpec(Strict):
    """One training, the same under every backend."""

    trainer: Literal["trl", "axolotl"] = "trl"
    method: Literal["lora", "qlora", "full"] = "lora"
    lora: LoraSettings = Field(default_factory=LoraSettings)
    max_tokens: Count = 16_384
    epochs: Positive | None = None
    steps: Count | None = None
    packing: bool = False
    batch_size: Count = 1
    gradient_accumulation: Count | None = None
    batch_tokens: Count | None = None
    learning_rate: Positive = 1e-4
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    minimum_rate: Share = 0
    warmup_steps: Natural | None = None
    warmup_ratio: Share | None = None
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    adam: AdamSettings = Field(default_factory=AdamSettings)
    weight_decay: NotNegative = 0
    max_grad_norm: Positive = 1
    loss: Literal["chunked", "plain", "liger"] = "chunked"
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    dtype: Dtype = "bfloat16"
    gradient_checkpointing: bool = True
    evaluate_every_steps: Count | None = None
    patience: Count | None = None
    average_checkpoints: Annotated[int, Field(ge=2)] | None = None
    parallel: ParallelSettings = Field(default_factory=ParallelSettings)
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _belongs_together(self) -> TrainSpec:
        """What `trainSpecProblems` in `src/stages/train/spec.ts` says as well."""
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("exactly one of `epochs` and `steps` must be given")
        if self.gradient_accumulation is not None and self.batch_tokens is not None:
            raise ValueError("give either `gradient_accumulation` or `batch_tokens`")
        if self.batch_tokens is not None and not self.packing:
            raise ValueError("`batch_tokens` needs `packing`: without it a step's tokens are as many as its rows have")
        if self.packing and self.batch_size > 1:
            raise ValueError("with `packing` a sequence is full, and `batch_size` is 1")
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise ValueError("give either `warmup_steps` or `warmup_ratio`")
        if self.minimum_rate > 0 and self.scheduler != "cosine":
            raise ValueError("`minimum_rate` goes with the scheduler cosine")
        if self.patience is not None and self.evaluate_every_steps is None:
            raise ValueError("`patience` counts evaluations: give `evaluate_every_steps`")
        if self.method == "qlora" and self.parallel.strategy in ("fsdp", "zero3"):
            raise ValueError("4-bit weights are not split among GPUs: leave `parallel.strategy` out with qlora")
        if self.parallel.offload and (self.method == "qlora" or self.parallel.strategy == "ddp"):
            raise ValueError("`parallel.offload` goes with weights that are split: fsdp or zero3, and no qlora")
        return self

    def accumulation(self, ranks: int) -> int:
        """Forward passes of one rank in an optimiser step.

        With `batch_tokens` as many as it takes for all ranks to see so many tokens, full sequences taken for granted.
        """
        if self.batch_tokens is None:
            return self.gradient_accumulation or 1
        return -(-self.batch_tokens // (self.max_tokens * ranks))
