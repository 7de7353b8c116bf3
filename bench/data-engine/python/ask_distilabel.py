"""distilabel as its pages say: rows, one task that chats, as many inputs at once as there may be.

Arguments: `ENDPOINT CONCURRENCY`.
"""

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import ChatGeneration

ENDPOINT, CONCURRENCY = sys.argv[1:]


def main() -> None:
    """Ask every question of `questions.jsonl`, and write `answers.jsonl` in the end."""
    rows = [json.loads(line) for line in Path("questions.jsonl").read_text().splitlines()]
    with Pipeline("data-engine", cache_dir=Path("distilabel").absolute()) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=int(CONCURRENCY))
        chat = ChatGeneration(
            llm=OpenAILLM(
                model="bench/model",
                base_url=ENDPOINT,
                api_key="none",
                generation_kwargs={
                    "temperature": 0.0,
                    "max_new_tokens": 512,
                    "response_format": {"type": "json_object"},
                },
            ),
            input_batch_size=int(CONCURRENCY),
        )
        load >> chat
    made = pipeline.run()
    with Path("answers.jsonl").open("w") as out:
        for row in made["default"]["train"]:
            if row["generation"] is not None:
                print(json.dumps({"id": row["id"], "content": row["generation"]}), file=out)


if __name__ == "__main__":
    main()
