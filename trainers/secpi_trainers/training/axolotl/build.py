"""Axolotl's own parts, put together with our rows, and with what a training of ours says and keeps."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from accelerate import PartialState
from datasets import Dataset

from ...base.errors import TrainerError
from ...base.files import write_json
from ...base.imports import long_imports
from ...base.session import Session
from ...jobs import TrainJob
from ...models.loading import torch_dtype
from ..asked.hugging_face import warmup_of
from ..asked.settings import tracked
from ..ranks.gpu import VARIABLE, refuse_several
from ..ranks.parallel import Strategy, fsdp_precision, share_on_cpu_too

ARGUMENTS = {
    # No half-collected average is hidden or lost; see `trl_settings`.
    "logging_nan_inf_filter": False,
    "disable_tqdm": True,
    # The Keeper removes checkpoints.
    "save_total_limit": None,
    "average_tokens_across_devices": True,
}
"""Settings of the Hugging Face Trainer that no key of Axolotl's leads to."""

_PATIENCE_SECONDS = 1800
"""For which processes wait for each other in a collective, as TRL has it."""


def read_configuration(job: TrainJob, session: Session, configuration: dict[str, Any], device: str) -> Any:  # noqa: ANN401
    """Axolotl's view of it, with which the processes have met. Throws `trainer/axolotl-refuses`.

    The file (JSON is YAML) stays, for who wants to see what it was told.
    """
    if device == "cpu":
        _see_no_gpus()
    with long_imports():
        from axolotl.cli.config import load_cfg

    path = session.own / "axolotl.json"
    write_json(path, configuration)
    try:
        cfg = load_cfg(str(path))
    except ValueError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise TrainerError("axolotl-refuses", f"Axolotl refuses these settings: {' '.join(lines[:3])}") from error
    if job.method == "full":
        # Small steps vanish in bfloat16 weights: they are float32 while they train.
        cfg.torch_dtype = torch_dtype("float32")
    if not session.rank.is_alone:
        # It takes the GPU with the process's number on this machine, of which each process sees one.
        cfg.local_rank, cfg.device_map = 0, configuration["device_map"]
        PartialState(cpu=device == "cpu", timeout=timedelta(seconds=cfg.ddp_timeout or _PATIENCE_SECONDS))
    return cfg


def _see_no_gpus() -> None:
    # Axolotl looks for itself, and takes a GPU where it finds one.
    os.environ[VARIABLE] = ""
    # accelerate would call it "cpu:0", and transformers 5.16 loads no optimiser to that.
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    with long_imports():
        from axolotl.loaders import ModelLoader
        from axolotl.utils import trainer

    # Several processes it takes for such with GPUs: it asks CUDA whether they reach each other,
    trainer.check_cuda_p2p_ib_support = lambda: True
    # and for a mesh of them, which is of use where layers are cut in pieces.
    ModelLoader.use_parallel_config = None


def build_axolotl(job: TrainJob, cfg: Any, strategy: Strategy, device: str, sequences: Dataset) -> Any:  # noqa: ANN401 - mixed of two classes without types
    """The trainer, model and adapter in it. Throws `trainer/several-gpus`."""
    with long_imports():
        from axolotl.train import setup_model_and_tokenizer

    model, tokenizer, _, _ = setup_model_and_tokenizer(cfg)
    if job.loss == "chunked":
        _compute_loss_in_chunks(model)
    builder = _builder(job, cfg, strategy, device, model, tokenizer)
    builder.train_dataset = sequences
    return builder.build(None)


def _compute_loss_in_chunks(model: Any) -> None:  # noqa: ANN401
    """As TRL does: Axolotl's own chunks are made of logits that are all there already."""
    from trl.trainer.sft_trainer import _CHUNKED_LM_HEAD_CHUNK_SIZE, _patch_chunked_ce_lm_head

    target = model.get_base_model() if hasattr(model, "get_base_model") else model
    _patch_chunked_ce_lm_head(target, chunk_size=_CHUNKED_LM_HEAD_CHUNK_SIZE)


def _builder(job: TrainJob, cfg: Any, strategy: Strategy, device: str, model: Any, tokenizer: Any) -> Any:  # noqa: ANN401
    from axolotl.core.builders import HFCausalTrainerBuilder
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from .trainer import Trainer

    class Builder(HFCausalTrainerBuilder):
        """Axolotl's, through the hooks that it has for this."""

        def hook_pre_create_training_args(self, training_arguments_kwargs: dict[str, Any]) -> dict[str, Any]:
            # Axolotl makes two steps of a warm-up of one.
            ours = {"data_seed": job.seed, "use_cpu": device == "cpu", "warmup_steps": warmup_of(job)}
            return training_arguments_kwargs | ARGUMENTS | tracked(job) | ours

        def hook_post_create_training_args(self, training_arguments: Any) -> Any:  # noqa: ANN401
            refuse_several(training_arguments.n_gpu)
            if strategy == "fsdp":
                training_arguments.fsdp_plugin_args["mixed_precision_policy"] = fsdp_precision(job)
            if strategy in ("fsdp", "zero3") and device == "cpu":
                share_on_cpu_too(strategy)
            if strategy != "alone":
                # Axolotl would forget that the processes have met, and on CPUs would not look for others again.
                training_arguments.accelerator_config.use_configured_state = True
            return training_arguments

        def build_collator(self, *_: object, **__: object) -> Any:  # noqa: ANN401
            # The rows of a batch look as they do under TRL, packed or not.
            return DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=job.packing)

        def _get_trainer_cls(self) -> type[Trainer]:
            return Trainer

    return Builder(cfg, model, tokenizer)
