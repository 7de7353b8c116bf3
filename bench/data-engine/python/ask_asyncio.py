"""What one writes first: asyncio over the `openai` package, a semaphore, the package's own retries.

Arguments: `ENDPOINT CONCURRENCY`.
"""

import asyncio
import json
import sys
from pathlib import Path

from openai import AsyncOpenAI

ENDPOINT, CONCURRENCY = sys.argv[1:]


async def main() -> None:
    """Ask every question of `questions.jsonl`, and write `answers.jsonl` as answers come."""
    client = AsyncOpenAI(base_url=ENDPOINT, api_key="none")
    places = asyncio.Semaphore(int(CONCURRENCY))
    rows = [json.loads(line) for line in Path("questions.jsonl").read_text().splitlines()]
    with Path("answers.jsonl").open("w") as out:

        async def ask(row: dict) -> None:
            async with places:
                try:
                    answer = await client.chat.completions.create(
                        model="bench/model",
                        messages=row["messages"],
                        temperature=0,
                        max_tokens=512,
                        response_format={"type": "json_object"},
                    )
                    content = answer.choices[0].message.content or ""
                    json.loads(content)
                    print(json.dumps({"id": row["id"], "content": content}), file=out)
                except Exception as error:  # Whatever it is: the row is lost, and the others go on.
                    print(row["id"], repr(error), file=sys.stderr)

        await asyncio.gather(*(ask(row) for row in rows))


asyncio.run(main())
