/** What one writes first: a loop over the `openai` package, so many at a time, with the package's own retries. `ENDPOINT CONCURRENCY`. */
import { createWriteStream, readFileSync } from 'node:fs';
import OpenAI from 'openai';

interface Row {
  readonly id: number;
  readonly messages: OpenAI.ChatCompletionMessageParam[];
}

const [baseURL = '', concurrency] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'none' });
const rows = readFileSync('questions.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);
const out = createWriteStream('answers.jsonl');
let next = 0;

async function worker(): Promise<void> {
  for (let row = rows[next]; row !== undefined; row = rows[next]) {
    next += 1;
    const { id, messages } = row;
    try {
      const { choices } = await client.chat.completions.create({
        model: 'bench/model',
        messages,
        temperature: 0,
        max_tokens: 512,
        response_format: { type: 'json_object' },
      });
      const content = choices[0]?.message.content ?? '';
      JSON.parse(content);
      out.write(`${JSON.stringify({ id, content })}\n`);
    } catch (error) {
      process.stderr.write(`${id}: ${error instanceof Error ? error.message : error}\n`);
    }
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, worker));
out.end();
