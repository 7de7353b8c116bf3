import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { columnsInYaml, guessColumns, textInYaml } from '../../../src/datasets/columns/guess-columns.js';

const guessed = (...rows: readonly Record<string, unknown>[]) => {
  const columns = guessColumns(rows);
  return columns && columnsInYaml(columns);
};

describe('guessColumns', () => {
  it.each([
    [
      'Magicoder',
      { lang: 'python', raw_index: 3, seed: 'x', problem: 'Sort.', solution: 'y' },
      'prompt: problem, language: lang, answer: solution',
    ],
    ['Alpaca', { instruction: 'Sort.', input: '', output: 'y' }, 'prompt: [instruction, input], answer: output'],
    [
      'CodeFeedback',
      { query: 'Sort.', answer: 'y', lang: 'C++', resource: 'z' },
      'prompt: query, language: lang, answer: answer',
    ],
    [
      'HumanEval',
      { task_id: 'HumanEval/0', prompt: 'def f():', canonical_solution: 'pass', test: 't' },
      'prompt: prompt, answer: canonical_solution',
    ],
    [
      'a chat',
      { mid: '1', messages: [{ role: 'HUMAN', content: 'Sort.' }], languages: ['Python'] },
      'prompt: messages, language: languages',
    ],
    ['its own spelling', { Question: 'Sort.', License: 'MIT' }, 'prompt: Question, licence_column: License'],
    ['a language of people', { prompt: 'Sort.', language: 'en' }, 'prompt: prompt'],
    ['a placeholder first', { input: '-', text: 'Sort.' }, 'prompt: text'],
  ])('knows %s', (_name, row, columns) => {
    expect(guessed(row, row)).toBe(columns);
  });

  it('guesses nothing where nothing looks like a task', () => {
    expect(guessed({ id: '1', content_hash: 'x' })).toBeUndefined();
    expect(guessed({ input: '-', output: 'y' })).toBeUndefined();
    expect(guessed({ prompt: 7 }, { prompt: null })).toBeUndefined();
    expect(guessed()).toBeUndefined();
  });

  it('wants half of the rows to agree', () => {
    const row = { prompt: 'Sort.' };
    expect(guessed(row, { text: 'a' })).toBe('prompt: prompt');
    expect(guessed(row, { text: 'a' }, { text: 'b' })).toBe('prompt: text');
  });
});

describe('columnsInYaml', () => {
  it('quotes what YAML would read otherwise', () => {
    expect(columnsInYaml({ prompt: ['a b: c'], language: 'x.y' })).toBe('prompt: "a b: c", language: x.y');
  });

  it('writes each text so that YAML reads it back, and so that it can be seen', () => {
    for (const plain of ['t.jsonl.gz', 'data/train', './t.jsonl', '../a/b.json', '/srv/t.json', 'org/tasks', 'x.y'])
      expect(textInYaml(plain)).toBe(plain);
    const others = [
      'a: b, {c}.jsonl',
      'true',
      'No',
      '1e5',
      '12',
      '.5',
      '~',
      '#x',
      'a #b',
      '- x',
      "it's",
      '"',
      '\\',
      '',
    ];
    for (const text of [...others, 'a\u001b[31m', 'a\u009b\u202eb', 'é'])
      expect(parse(`- { file: ${textInYaml(text)}, prompt: x }`)).toEqual([{ file: text, prompt: 'x' }]);
    expect(textInYaml('a\u009b\u202eb')).toBe('"a\\u009b\\u202eb"');
  });
});
