"""How several processes share a training: the choice, and what TRL is told of it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from ...base.errors import TrainerError
from ..asked.spec import TrainSpec

Strategy = Literal["alone", "ddp", "fsdp", "zero3"]

_SHARE_OF_A_CARD = 0.6
"""What weights and all that belongs to them may take of a card that holds all of it: the rest is for activations."""


@dataclass(frozen=True)
class Hardware:
    """What a training runs on; `card_bytes` is the memory of one GPU, 0 where there is none."""

    device: str
    processes: int
    card_bytes: int = 0
    has_deepspeed: bool = False


def hardware(device: str, processes: int) -> Hardware:
    """What is there."""
    card = 0
    if device == "cuda":
        import torch

        card = torch.cuda.get_device_properties(0).total_memory
    return Hardware(device, processes, card, find_spec("deepspeed") is not None)


def strategy_of(spec: TrainSpec, parameters: int, there: Hardware) -> Strategy:
    """The one that is named, or one that fits. Throws `trainer/cannot-share` for what does not go together.

    `parameters` is how many numbers the base has.
    """
    wanted = spec.parallel.strategy
    if there.processes == 1:
        return "alone"
    problem = _problem(spec, there)
    if problem is not None:
        raise TrainerError("cannot-share", problem, "leave parallel.strategy out, or say ddp")
    if wanted != "auto":
        return wanted
    if spec.method == "qlora" or there.device == "cpu":
        return "ddp"
    if spec.parallel.offload:
        return "fsdp"
    return "ddp" if _bytes_of_all(spec, parameters) < _SHARE_OF_A_CARD * there.card_bytes else "fsdp"


def _problem(spec: TrainSpec, there: Hardware) -> str | None:
    """What the spec allows, and this hardware does not."""
    wanted = spec.parallel.strategy
    if there.device == "cpu" and spec.parallel.offload:
        return "`parallel.offload` needs GPUs"
    if wanted == "zero3" and not there.has_deepspeed:
        return "ZeRO-3 needs the package deepspeed, and it is not installed"
    return None


def _bytes_of_all(spec: TrainSpec, parameters: int) -> int:
    """Weights, and with `full` gradients and what AdamW remembers, in float32. An adapter is small beside its base."""
    if spec.method == "full":
        return 16 * parameters
    return (2 if spec.dtype == "bfloat16" else 4) * parameters


def sharing_settings(strategy: Strategy, spec: TrainSpec) -> dict[str, Any]:
    """What of TRL's settings says so."""
    if strategy == "fsdp":
        config = {
            "version": 2,
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "reshard_after_forward": True,
            "state_dict_type": "SHARDED_STATE_DICT",
            # The first process of a machine reads the weights, and hands them out.
            "cpu_ram_efficient_loading": True,
            "cpu_offload": spec.parallel.offload,
            # The Trainer's own is used: wrapped layers have other names, and with those an adapter's checkpoint was
            # loaded without a word and without effect (accelerate 1.15).
            "activation_checkpointing": False,
        }
        return {"fsdp": True, "fsdp_config": config}
    if strategy == "zero3":
        return {"deepspeed": zero3_config(spec.parallel.offload)}
    return {}


def fsdp_precision(spec: TrainSpec) -> Any:  # noqa: ANN401 - torch's MixedPrecisionPolicy
    """Computes in bfloat16, adds gradients up in float32, and leaves the loss as it is: accelerate would round it."""
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    if spec.dtype != "bfloat16":
        return None
    return MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)


def zero3_config(offload: bool) -> dict[str, Any]:
    """DeepSpeed's own; `auto` is what the Trainer fills in from its settings."""
    zero: dict[str, Any] = {
        "stage": 3,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
    }
    if offload:
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
        zero["offload_param"] = {"device": "cpu", "pin_memory": True}
    return {
        "bf16": {"enabled": "auto"},
        # Torch's AdamW on the host too: DeepSpeed's own would have to be compiled, with CUDA's compiler.
        "zero_force_ds_cpu_optimizer": False,
        # Else gradients are added up in bfloat16, over processes and over the passes of a step.
        "communication_data_type": "fp32",
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": zero,
        "gradient_clipping": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
    }


def prepare_environment(
    strategy: Strategy, spec: TrainSpec, device: str, environment: MutableMapping[str, str]
) -> None:
    """What `accelerate launch` sets before Python starts: libraries look for it before any settings are made."""
    if strategy == "fsdp":
        environment["ACCELERATE_USE_FSDP"] = "true"
        environment["FSDP_VERSION"] = "2"
        environment["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "true"
        # Then there is a way to talk about what lies in the host's memory.
        environment["FSDP_OFFLOAD_PARAMS"] = str(spec.parallel.offload).lower()
    if strategy == "zero3" and device == "cpu":
        # Else DeepSpeed computes on a GPU that is there.
        environment["DS_ACCELERATOR"] = "cpu"


def share_on_cpu_too(strategy: Strategy) -> None:
    """Accelerate makes plain data parallelism of FSDP and DeepSpeed where there are no GPUs, in spite of both. To be
    called when the processes have met; from here on it takes them for such with GPUs.
    """
    from accelerate.state import DistributedType, PartialState

    if strategy == "zero3":
        from deepspeed import comm, ops

        # Else it spends minutes with a compiler, for sums over shared memory instead of gloo.
        ops.__compatible_ops__["deepspeed_shm_comm"] = False
        # Accelerate does so where there are GPUs.
        comm.init_distributed(dist_backend="gloo", auto_mpi_discovery=False, verbose=False)
    kinds = {"fsdp": DistributedType.MULTI_GPU, "zero3": DistributedType.DEEPSPEED}
    PartialState._shared_state["distributed_type"] = kinds[strategy]
