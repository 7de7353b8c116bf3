"""Finding and loading models. Never runs code out of a model repository, reads safetensors only."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

from ..base.errors import TrainerError
from ..base.files import sha256_json, sha256_of

COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
    "generation_config.json",
)
"""Files beside the weights that a merged model takes over byte for byte."""

_HASHED_WHOLE = 256 * 1024 * 1024


def torch_dtype(name: str) -> Any:  # noqa: ANN401
    """The dtype that a job names."""
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def quiet_libraries() -> None:
    """No progress bars and no advice on stderr: events and the result say what matters."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def model_folder(source: str, revision: str | None, patterns: list[str] | None = None, *, fetch: bool = True) -> Path:
    """The model's folder on this machine: `source` itself, or the Hub snapshot (downloaded unless offline, or told not
    to `fetch`).
    """
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = patterns or [*COMPANIONS, "*.json", "*.safetensors", "*.jinja"]
    try:
        return Path(snapshot_download(source, revision=revision, allow_patterns=wanted, local_files_only=not fetch))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise TrainerError(
            "no-such-model",
            f"cannot get the model {source}: {type(error).__name__}",
            "check its name and revision, the network and HF_HUB_OFFLINE",
        ) from error


def load_tokenizer(source: str, revision: str | None) -> Any:  # noqa: ANN401
    """The model's tokenizer."""
    from transformers import AutoTokenizer

    folder = model_folder(source, revision, [*COMPANIONS, "config.json"])
    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise TrainerError("bad-tokenizer", f"the tokenizer of {source} cannot be loaded: {error}") from error


def load_model(folder: Path, attention: str = "sdpa", **settings: Any) -> Any:  # noqa: ANN401
    """The causal language model in `folder`."""
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            str(folder), trust_remote_code=False, use_safetensors=True, attn_implementation=attention, **settings
        )
    except (OSError, ValueError) as error:
        raise TrainerError("bad-model", f"the model in {folder} cannot be loaded: {error}") from error


def parameters_in(folder: Path) -> int:
    """How many numbers a model's weights are: their headers say so."""
    from .weight_files import stored_weights

    return sum(math.prod(item.get_shape()) for item in stored_weights(folder).values())


def vocabulary_of(model: Any) -> int:  # noqa: ANN401
    """How many tokens a model knows, also where DeepSpeed has split its weights."""
    weight = model.get_input_embeddings().weight
    size: int = getattr(weight, "ds_shape", weight.shape)[0]
    return size


def save_model(model: Any, folder: Path, dtype: Any, weights: dict[str, Any] | None) -> None:  # noqa: ANN401
    """Writes a model in a dtype. `weights` are those of one that is split among processes, whole."""
    if weights is None:
        model.to(dtype).save_pretrained(folder)
        return
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.integrations import unset_hf_deepspeed_config

    # Else under ZeRO-3 all processes are asked to share this one too, and only the first is here.
    unset_hf_deepspeed_config()
    with torch.device("meta"):
        shape = AutoModelForCausalLM.from_config(model.config, dtype=dtype)
    shape.save_pretrained(folder, state_dict=weights)


def copy_companions(base: Path, target: Path) -> None:
    """Copies tokenizer, chat template and generation settings, byte for byte; what the base lacks goes."""
    for name in COMPANIONS:
        (target / name).unlink(missing_ok=True)
        if (base / name).is_file():
            shutil.copyfile(base / name, target / name)


def pick_device(wanted: str) -> str:
    """`cpu` or `cuda`. `auto` comes to the CPU only where no NVIDIA driver is loaded: where one is, a GPU is meant."""
    import torch

    if wanted == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto" and not any(path.exists() for path in NVIDIA_DRIVER):
        return "cpu"
    meant = "the job asks for CUDA" if wanted == "cuda" else "there is an NVIDIA driver here"
    raise TrainerError(
        "no-cuda",
        f"{meant}, and PyTorch cannot compute on a GPU: {_why_no_cuda()}",
        "to compute on the CPU all the same, set the device to cpu",
    )


NVIDIA_DRIVER = (Path("/dev/nvidiactl"), Path("/proc/driver/nvidia/version"))
"""One of these is there when the driver is loaded."""


def _why_no_cuda() -> str:
    import torch

    if torch.version.cuda is None:
        return "this build of PyTorch is for the CPU only"
    try:
        torch.cuda.init()
    except Exception as error:  # whatever it is, its words are all there is to say
        return (str(error).splitlines() or [type(error).__name__])[0]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "it sees none" if hidden is None else f"it sees none (CUDA_VISIBLE_DEVICES is {hidden!r})"


def model_identity(folder: Path) -> str:
    """A digest that changes with the model.

    Files above 256 MiB enter with name and size only: hashing 65 GB takes minutes.
    """
    parts: list[list[str | int]] = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            size = path.stat().st_size
            content = sha256_of(path) if size <= _HASHED_WHOLE else ""
            parts.append([path.relative_to(folder).as_posix(), size, content])
    return sha256_json(sorted(parts))
