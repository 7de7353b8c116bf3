import { describe, expect, it } from 'vitest';
import { columnMapSchema, taskOf } from '../../src/datasets/column-map.js';

const task = (value: Record<string, unknown>, columns: object = {}) =>
  taskOf({ row: 3, value }, columnMapSchema.parse(columns), 'tasks.jsonl');

describe('taskOf', () => {
  it('maps columns', () => {
    expect(
      task({ problem: ' Sort a list.\r\n', lang: 'C++' }, { prompt: 'problem', language: 'lang', licence: 'mit' }),
    ).toEqual({
      schema: 1,
      id: expect.stringMatching(/^task-[0-9a-f]{16}$/),
      prompt: 'Sort a list.',
      language: 'cpp',
      source: 'tasks.jsonl',
      row: 3,
      licence: 'mit',
    });
  });

  it('joins several columns, of which only the first must be there', () => {
    const columns = { prompt: ['instruction', 'input'] };
    expect(task({ instruction: 'Sort.', input: '[2, 1]' }, columns)).toMatchObject({ prompt: 'Sort.\n\n[2, 1]' });
    expect(task({ instruction: 'Sort.', input: '' }, columns)).toMatchObject({ prompt: 'Sort.' });
    expect(task({ instruction: 'Sort.' }, columns)).toMatchObject({ prompt: 'Sort.' });
    expect(task({ input: '[2, 1]' }, columns)).toEqual({ problem: 'has no column "instruction" (it has input)' });
  });

  it('gives the same id to the same task, wherever it comes from', () => {
    const id = (prompt: string, lang: string) => (task({ prompt, lang }, { language: 'lang' }) as { id: string }).id;
    expect(id('Sort\na list.', 'python')).toBe(id('Sort\r\na list. \n', 'Python3'));
    expect(id('Sort a list.', 'python')).not.toBe(id('Sort a list.', 'go'));
    expect(id('Sort a list.', 'python')).not.toBe(id('sort a list.', 'python'));
  });

  it('says why a row is no task', () => {
    expect(task({})).toEqual({ problem: 'has no column "prompt" (it has none)' });
    expect(task({ prompt: null })).toEqual({ problem: 'has no column "prompt" (it has prompt)' });
    expect(task({ prompt: 7 })).toEqual({ problem: 'column "prompt" is not text' });
    for (const prompt of ['', ' \n', 'N/A', 'null', '-']) {
      expect(task({ prompt })).toEqual({ problem: 'has an empty prompt' });
    }
    expect(taskOf({ row: 1, problem: 'is not JSON' }, columnMapSchema.parse({}), 'x')).toEqual({
      problem: 'is not JSON',
    });
  });

  it('does not take what every object inherits for a column', () => {
    expect(task({ a: 1 }, { prompt: 'toString' })).toEqual({ problem: 'has no column "toString" (it has a)' });
  });

  it('takes the language from the text where the column says nothing', () => {
    for (const lang of [undefined, null, '', ' ', 5]) {
      const row = { prompt: 'Write a Python function.', ...(lang === undefined ? {} : { lang }) };
      expect(task(row, { language: 'lang' })).toMatchObject({ language: 'python' });
    }
  });
});
