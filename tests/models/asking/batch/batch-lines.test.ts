import { expect, it } from 'vitest';
import { linesOf, outcomeOf, readLine } from '../../../../src/models/asking/batch/batch-lines.js';

async function lines(text: string, pieces: number, longest?: number): Promise<(string | undefined)[]> {
  const bytes = Buffer.from(text);
  const cut = async function* () {
    for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces);
  };
  const list: (string | undefined)[] = [];
  for await (const line of linesOf(cut(), longest)) list.push(line);
  return list;
}

it.each([1, 2, 3, 7, 100])('are the same in pieces of %i bytes', async (pieces) => {
  expect(await lines('one\n\nzwölf\nlast', pieces)).toEqual(['one', '', 'zwölf', 'last']);
});

it('of more than what is allowed are passed over, and those after them are read', async () => {
  expect(await lines(`a\n${'b'.repeat(50)}\nc\n${'d'.repeat(50)}`, 7, 10)).toEqual(['a', undefined, 'c', undefined]);
});

const ours = { custom_id: 'q' };
it.each([
  [
    'OpenAI expired',
    { ...ours, response: null, error: { code: 'batch_expired', message: 'Too late.' } },
    'the batch says: batch_expired: Too late.',
    true,
  ],
  [
    'OpenAI refused',
    { ...ours, response: { status_code: 400, body: { error: { message: 'Too rude.' } } }, error: null },
    '400 Too rude.',
    false,
  ],
  ['OpenAI busy', { ...ours, response: { status_code: 503, body: null }, error: null }, '503 without a message', true],
  [
    'vLLM, its own words',
    { ...ours, response: { status_code: 400, body: null }, error: 'Only POST.' },
    '400 Only POST.',
    false,
  ],
  [
    'vLLM, its answer',
    { ...ours, response: { status_code: 400, body: null }, error: { error: { message: 'Too long.', code: 400 } } },
    '400 Too long.',
    false,
  ],
  [
    'vLLM, older',
    { ...ours, response: null, error: { message: 'Too long.', code: 400 } },
    'the batch says: 400: Too long.',
    true,
  ],
  ['of nothing', { ...ours }, 'the batch says: a line without an answer', true],
])('tell why there is no answer: %s', (_whose, line, message, retryable) => {
  const read = readLine(JSON.stringify(line));
  expect(read && outcomeOf(read, 1, (text) => text)).toMatchObject({ ok: false, message, retryable });
});
