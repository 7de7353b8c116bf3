"""Writes the schemas beside this file, from what the two projects publish themselves.

Run by hand, with `pip install kubernetes-validate==1.37.0 skypilot==0.14.1` in an environment of its own:

    python tests/export/schemas/write.py

Of Kubernetes it takes what a Job, a ConfigMap and a Pod consist of, without the descriptions; unknown fields are
refused there ("strict"). Of SkyPilot it takes a task and its resources, without the few rules that zod cannot read
(`not`, patterns with flags inside).
"""

import json
from importlib.resources import files
from pathlib import Path

from sky.utils import schemas as sky

HERE = Path(__file__).parent
KUBERNETES = "kubernetes-json-schema/v1.37.0-local-strict/_definitions.json"
KINDS = ["io.k8s.api.batch.v1.Job", "io.k8s.api.core.v1.ConfigMap", "io.k8s.api.core.v1.Pod"]


def bare(schema: object) -> object:
    """The schema without what only people read and what JavaScript does not understand."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: bare(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
        and not (key == "pattern" and isinstance(value, str) and "(?i:" in value)
        and key not in ("case_insensitive_enum", "not")
        and not key.startswith("x-kubernetes")
    }


def references(schema: object) -> list[str]:
    """Names of all definitions that a schema refers to."""
    if isinstance(schema, list):
        return [name for item in schema for name in references(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else []
    return own + [name for value in schema.values() for name in references(value)]


def kubernetes() -> dict[str, object]:
    """All definitions that the kinds need."""
    everything = json.loads(files("kubernetes_validate").joinpath(KUBERNETES).read_text())["$defs"]
    found: dict[str, object] = {}
    wanted = list(KINDS)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = bare(everything[name])
            wanted += references(found[name])
    return {"$defs": found}


def write(name: str, schema: object) -> None:
    """One line for each schema: nobody reads them, and a diff says enough."""
    (HERE / name).write_text(json.dumps(schema, sort_keys=True, separators=(",", ":")) + "\n")


write("kubernetes-1.37.json", kubernetes())
write("skypilot-0.14.1.json", {"task": bare(sky.get_task_schema()), "resources": bare(sky.get_resources_schema())})
