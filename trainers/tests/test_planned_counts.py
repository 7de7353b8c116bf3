"""What `secpi plan` counts is what libraries make of it; trainings are compared in test_ranks.py.

`planned_counts.json` holds what the planner says; tests/stages/train/estimate holds it against the planner.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM

from secpi_trainers.data.packing import write_packed

PLANNED: dict[str, Any] = json.loads(Path(__file__).with_name("planned_counts.json").read_text())


def test_known_models_have_as_many_parameters_as_was_planned() -> None:
    """Built without memory, once for all models of the same sizes."""
    built: dict[str, int] = {}
    for model in PLANNED["models"]:
        sizes = json.dumps(model["config"])
        if sizes not in built:
            with torch.device("meta"):
                built[sizes] = AutoModelForCausalLM.from_config(
                    AutoConfig.for_model(**model["config"])
                ).num_parameters()
        assert model["parameters"] == built[sizes], model["name"]
    assert len(built) > 15


def test_rows_are_packed_into_as_many_sequences_as_was_planned(tmp_path: Path) -> None:
    plan = PLANNED["packed"]
    ids = [[0] * (1 + place * plan["multiplier"] % plan["modulus"]) for place in range(plan["rows"])]
    rows = Dataset.from_dict({"input_ids": ids, "labels": ids})
    write_packed(rows, plan["room"], tmp_path / "packed.arrow")
    assert len(Dataset.from_file(str(tmp_path / "packed.arrow"))) == plan["sequences"]
