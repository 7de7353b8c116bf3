/**
 * A process of its own that asks: `ask-process.ts STATE_DIR ENDPOINT COUNT`. Writes one line per answer to stdout, after it
 * was yielded and so after it was durable.
 */
import { writeSync } from 'node:fs';
import { modelSpecSchema } from '../../src/models/model-spec.js';
import { openModel } from '../../src/models/open-model.js';

const [stateDir = '', endpoint = '', count = '0'] = process.argv.slice(2);

await using model = await openModel({
  name: 'teacher',
  spec: modelSpecSchema.parse({ model: 'fake', endpoint, concurrency: { start: 4, max: 4 } }),
  stateDir,
  env: () => undefined,
  redact: (text) => text,
});
const asked = model.ask({
  rows: Array.from({ length: Number(count) }, (_, index) => `q${index}`),
  request: (prompt) => ({
    messages: [{ role: 'user', content: prompt }],
    sampling: { temperature: 0, top_p: 1, max_tokens: 64 },
    format: 'text',
    sample: 0,
  }),
  parse: (answer) => ({ ok: true, value: answer.content }),
  signal: new AbortController().signal,
});
for await (const { row, outcome } of asked) {
  writeSync(1, `${row} ${outcome.ok ? `${outcome.from} ${outcome.parsed}` : outcome.reason}\n`);
}
