"""Writing and reading LoRA adapters without paths of this machine, and without tensors lost in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..base.errors import TrainerError
from ..base.files import write_json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def save_adapter(
    model: Any,  # noqa: ANN401
    folder: Path,
    base_name: str,
    revision: str | None,
    weights: dict[str, Any] | None = None,
) -> None:
    """Writes the adapter; the same weights give the same bytes on every machine. `weights` are those of a model that is
    split among processes, whole.
    """
    # "auto" would look the base up on the Hub to learn whether embeddings were resized; here they never are.
    model.save_pretrained(folder, save_embedding_layers=False, state_dict=weights)
    settings = json.loads((folder / CONFIG).read_bytes())
    settings["base_model_name_or_path"] = base_name
    settings["revision"] = revision
    settings["target_modules"] = _short_names(model) or settings["target_modules"]
    # Axolotl says that there are none where TRL says nothing.
    settings["target_parameters"] = settings.get("target_parameters") or None
    # PEFT keeps module names in a set, whose order changes from process to process.
    for key, value in settings.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            settings[key] = sorted(value)
    for path in folder.iterdir():
        if path.name != WEIGHTS:
            path.unlink()
    write_json(folder / CONFIG, settings)


def _short_names(model: Any) -> list[str] | None:  # noqa: ANN401
    """The adapted layers by their last names (`q_proj`), as serving tools expect them.

    None if those names would hit further layers.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = {name: isinstance(layer, BaseTunerLayer) for name, layer in model.named_modules()}
    short = {name.rsplit(".", 1)[-1] for name, adapted in layers.items() if adapted}
    hit = [adapted for name, adapted in layers.items() if name.rsplit(".", 1)[-1] in short]
    return sorted(short) if all(hit) else None


def attach_adapter(base: Any, folder: Path) -> Any:  # noqa: ANN401
    """The base with the adapter in it. PEFT only warns about tensors that it does not find; here that is an error.

    Into an empty model (on the device `meta`) an adapter without numbers is put.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            stored = set(file.keys())
        model = PeftModel.from_pretrained(base, str(folder), low_cpu_mem_usage=base.device.type == "meta")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise TrainerError("bad-adapter", f"the adapter in {folder} does not load: {reason}") from error
    expected = set(get_peft_model_state_dict(model, save_embedding_layers=False))
    if stored != expected:
        odd = sorted(stored ^ expected)
        raise TrainerError(
            "bad-adapter",
            f"the adapter in {folder} does not fit the base: "
            f"{len(odd)} tensors are missing or unknown, the first is {odd[0]}",
        )
    return model
