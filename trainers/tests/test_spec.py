"""The recipe's `train` and the trainers' `TrainSpec` are one list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from secpi_trainers.training.asked.spec import ParallelSettings, TrainSpec

ROOT = Path(__file__).parents[2]
RECIPE = json.loads((ROOT / "secpi.schema.json").read_text())["properties"]["train"]
"""Made of the recipe's schema; another test holds it against that."""

NOT_OF_THE_SPEC = {"holdout", "save_every_steps", "keep_checkpoints", "report_to", "on", "keep"}
"""Where it runs, what is kept while it does, and what `prepare` sets aside."""


def plain(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:  # noqa: ANN401
    """A field as zod and pydantic would both say it."""
    if "$ref" in schema:
        return plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        options = [plain(option, definitions) for option in schema["anyOf"] if option != {"type": "null"}]
        found = options[0] if len(options) == 1 else {"one of": options}
    else:
        found = {key: schema[key] for key in ("type", "enum", "const", "minimum", "exclusiveMaximum") if key in schema}
        if "exclusiveMinimum" in schema:
            whole = schema["type"] == "integer"
            found |= {"minimum": 1} if whole else {"above": schema["exclusiveMinimum"]}
        if schema.get("type") == "array":
            found |= {"items": plain(schema["items"], definitions), "at least": schema.get("minItems")}
        if "properties" in schema:
            found["fields"] = {name: plain(field, definitions) for name, field in schema["properties"].items()}
    default = schema.get("default")
    return found if default is None or default == {} else {**found, "default": default}


def test_both_have_the_same_fields_kinds_bounds_and_defaults() -> None:
    ours = TrainSpec.model_json_schema()
    theirs = {name: field for name, field in RECIPE["properties"].items() if name not in NOT_OF_THE_SPEC}
    assert set(RECIPE["properties"]) >= NOT_OF_THE_SPEC
    assert {name: plain(field, ours["$defs"]) for name, field in ours["properties"].items()} == {
        name: plain(field, {}) for name, field in theirs.items()
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "epochs"),
        ({"epochs": 1.0, "steps": 1}, "epochs"),
        ({"steps": 1, "gradient_accumulation": 2, "batch_tokens": 10, "packing": True}, "gradient_accumulation"),
        ({"steps": 1, "batch_tokens": 10}, "needs `packing`"),
        ({"steps": 1, "packing": True, "batch_size": 2}, "`batch_size` is 1"),
        ({"steps": 1, "warmup_steps": 0, "warmup_ratio": 0.1}, "warmup_ratio"),
        ({"steps": 1, "scheduler": "linear", "minimum_rate": 0.1}, "goes with the scheduler cosine"),
        ({"steps": 1, "patience": 2}, "evaluate_every_steps"),
        ({"steps": 1, "method": "qlora", "parallel": ParallelSettings(strategy="fsdp")}, "4-bit weights are not split"),
        ({"steps": 1, "parallel": ParallelSettings(strategy="ddp", offload=True)}, "goes with weights that are split"),
        (
            {"steps": 1, "method": "qlora", "parallel": ParallelSettings(offload=True)},
            "goes with weights that are split",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainSpec(**fields)


@pytest.mark.parametrize(
    ("fields", "ranks", "passes"),
    [
        ({}, 8, 1),
        ({"gradient_accumulation": 4}, 8, 4),
        ({"packing": True, "max_tokens": 1000, "batch_tokens": 4000}, 1, 4),
        ({"packing": True, "max_tokens": 1000, "batch_tokens": 4001}, 1, 5),
        ({"packing": True, "max_tokens": 1000, "batch_tokens": 4000}, 2, 2),
        ({"packing": True, "max_tokens": 1000, "batch_tokens": 4000}, 8, 1),
    ],
)
def test_the_tokens_of_a_step_are_those_of_all_ranks(fields: dict[str, Any], ranks: int, passes: int) -> None:
    assert TrainSpec(steps=1, **fields).accumulation(ranks) == passes
