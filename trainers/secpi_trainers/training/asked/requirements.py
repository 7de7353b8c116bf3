"""What a training needs that not every machine has; said before a model is loaded."""

from __future__ import annotations

from importlib.util import find_spec

from ...base.errors import TrainerError
from ...jobs import TrainJob


def require_axolotl() -> None:
    """Throws `trainer/needs-package`."""
    _require("the trainer axolotl", "axolotl", "use the trainer trl")


def require_what_it_takes(job: TrainJob, device: str) -> None:
    """Throws `trainer/qlora-needs-cuda`, `trainer/needs-cuda`, `trainer/needs-package`."""
    if job.trainer == "axolotl":
        require_axolotl()
    if job.method == "qlora":
        if device != "cuda":
            raise TrainerError("qlora-needs-cuda", "QLoRA needs a CUDA GPU, and there is none", "use the method lora")
        _require("QLoRA", "bitsandbytes", "use the method lora")
    if job.optimizer == "adamw_8bit":
        _require_cuda("the optimizer adamw_8bit", device, "use adamw")
        _require("the optimizer adamw_8bit", "bitsandbytes", "use adamw")
    if job.loss == "liger":
        _require_cuda("the loss liger", device, "use the loss chunked")
        _require("the loss liger", "liger_kernel", "use the loss chunked")
    if job.attention == "flash_attention_2":
        _require_cuda("flash_attention_2", device, "leave attention out")
        _require("flash_attention_2", "flash_attn", "leave attention out: sdpa is used then")


def attention_of(job: TrainJob, device: str) -> str:
    """By what is there: the kernels of flash-attn in bfloat16 on a GPU, else PyTorch's own."""
    if job.attention != "auto":
        return job.attention
    flash = device == "cuda" and job.dtype == "bfloat16" and find_spec("flash_attn") is not None
    return "flash_attention_2" if flash else "sdpa"


def _require_cuda(what: str, device: str, instead: str) -> None:
    if device != "cuda":
        raise TrainerError("needs-cuda", f"{what} needs a CUDA GPU, and there is none", instead)


def _require(what: str, package: str, instead: str) -> None:
    if find_spec(package) is None:
        raise TrainerError(
            "needs-package",
            f"{what} needs the package {package.replace('_', '-')}",
            f"put it into the image of the target, or {instead}",
        )
