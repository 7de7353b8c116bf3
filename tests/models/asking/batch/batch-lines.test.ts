import { expect, it } from 'vitest';
import { linesOf } from '../../../../src/models/asking/batch/batch-lines.js';

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
