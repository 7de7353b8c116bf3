"""Models without numbers: what weights there are, of what shape, and under which names they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.core_model_loading import dot_natural_key, revert_weight_conversion
from transformers.modeling_utils import remove_tied_weights_from_state_dict

from ..base.errors import TrainerError


def empty_model(folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """The causal language model in `folder`, all weights on the device `meta`. Throws `trainer/bad-model`."""
    try:
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise TrainerError("bad-model", f"the model in {folder} cannot be built: {error}") from error


def stored_form(model: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """The weights of an empty model as `save_pretrained` stores them: by name, with type and shape.

    In its order. Names need not be those of its modules (experts are apart in files), and of weights that are one and
    the same there is one.
    """
    form = revert_weight_conversion(model, remove_tied_weights_from_state_dict(model.state_dict(), model))
    # What the model needs in float32 whatever the type of the others, such as the corrections of a router.
    exact = model._keep_in_fp32_modules_strict or set()
    return {
        name: item.to(torch.float32 if exact.intersection(name.split(".")) else dtype)
        if item.is_floating_point()
        else item
        for name, item in sorted(form.items(), key=lambda entry: dot_natural_key(entry[0]))
    }
