"""bespokelabs-curator as its pages say, its limits per minute set out of the way.

Arguments: `ENDPOINT CONCURRENCY`.
"""

import json
import os
import sys
from pathlib import Path

import litellm
from bespokelabs import curator

ENDPOINT, CONCURRENCY = sys.argv[1:]
# The table that tokens are counted by is fetched from the internet; a copy comes with one of its packages.
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")


class Classifier(curator.LLM):
    """Asks what a row says."""

    def prompt(self, row: dict) -> list:
        """Give the messages."""
        return row["messages"]

    def parse(self, row: dict, response: str) -> dict:
        """Keep the answer beside its question."""
        json.loads(response)
        return {"id": row["id"], "content": response}


classifier = Classifier(
    model_name="bench/model",
    backend="openai",
    generation_params={"temperature": 0, "max_tokens": 512, "response_format": {"type": "json_object"}},
    backend_params={
        "base_url": ENDPOINT,
        "api_key": "none",
        "max_concurrent_requests": int(CONCURRENCY),
        "max_requests_per_minute": 10_000_000,
        "max_tokens_per_minute": 1_000_000_000_000,
        # Else it ends with nothing when a single row has failed.
        "require_all_responses": False,
    },
)
rows = [json.loads(line) for line in Path("questions.jsonl").read_text().splitlines()]
made = classifier(rows, working_dir=str(Path("curator").absolute()))
with Path("answers.jsonl").open("w") as out:
    for row in made.dataset:
        print(json.dumps({"id": row["id"], "content": row["content"]}), file=out)
