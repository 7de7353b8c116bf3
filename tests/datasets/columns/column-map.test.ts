import { describe, expect, it } from 'vitest';
import { type Columns, columnsRead, taskOf } from '../../../src/datasets/columns/column-map.js';
import { guessColumns } from '../../../src/datasets/columns/guess-columns.js';

const task = (value: Record<string, unknown>, columns: Partial<Columns> = {}) =>
  taskOf({ row: 3, value }, { prompt: ['prompt'], ...columns }, 'tasks.jsonl');

describe('taskOf', () => {
  it('maps columns', () => {
    expect(
      task({ problem: ' Sort a list.\r\n', lang: 'C++' }, { prompt: ['problem'], language: 'lang', licence: 'mit' }),
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
    expect(task({ input: '[2, 1]' }, columns)).toEqual({
      code: 'bad_row',
      problem: 'has no column "instruction" (it has input)',
    });
  });

  it('gives the same id to the same task, wherever it comes from', () => {
    const id = (prompt: string, lang: string) => (task({ prompt, lang }, { language: 'lang' }) as { id: string }).id;
    expect(id('Sort\na list.', 'python')).toBe(id('Sort\r\na list. \n', 'Python3'));
    expect(id('Sort a list.', 'python')).not.toBe(id('Sort a list.', 'go'));
    expect(id('Sort a list.', 'python')).not.toBe(id('sort a list.', 'python'));
  });

  it('says why a row is no task', () => {
    const bad = (problem: string) => ({ code: 'bad_row', problem });
    expect(task({})).toEqual(bad('has no column "prompt" (it has none)'));
    expect(task({ prompt: null })).toEqual({ code: 'placeholder', problem: 'has nothing in column "prompt"' });
    expect(task({ prompt: 7 })).toEqual(bad('column "prompt" is neither text nor a chat with a question'));
    expect(task({ prompt: [{ role: 'system', content: 'Be brief.' }] })).toMatchObject({ code: 'bad_row' });
    expect(taskOf({ row: 1, problem: 'is not JSON' }, { prompt: ['prompt'] }, 'x')).toEqual(bad('is not JSON'));
  });

  it('takes no placeholder for a prompt, and says which it is', () => {
    for (const prompt of ['', ' \n']) {
      expect(task({ prompt })).toEqual({ code: 'placeholder', problem: 'has an empty prompt' });
    }
    for (const prompt of ['-', 'N/A', ' null ', '...', '—', '[removed]', '{}', '???']) {
      const problem = `has a placeholder for a prompt (${JSON.stringify(prompt.trim())})`;
      expect(task({ prompt })).toEqual({ code: 'placeholder', problem });
      expect(task({ a: prompt, b: '' }, { prompt: ['a', 'b'] })).toMatchObject({ code: 'placeholder' });
      expect(task({ a: 'Sort.', b: prompt }, { prompt: ['a', 'b'] })).toMatchObject({
        prompt: `Sort.\n\n${prompt.trim()}`,
      });
    }
    for (const prompt of ['素数を数える', 'None of them', 'x']) expect(task({ prompt })).toMatchObject({ prompt });
  });

  it('does not take what every object inherits for a column', () => {
    for (const name of ['toString', 'constructor.name', 'a.length.toString', '__proto__'])
      expect(task({ a: 'x' }, { prompt: [name] })).toMatchObject({ code: 'bad_row' });
  });

  it('follows a path into a column, unless a column has that very name', () => {
    const row = { meta: { ask: { text: 'Sort a list.' } }, turns: [{ text: 'First.' }, { text: 'Second.' }] };
    expect(task(row, { prompt: ['meta.ask.text'] })).toMatchObject({ prompt: 'Sort a list.' });
    expect(task(row, { prompt: ['turns.1.text'] })).toMatchObject({ prompt: 'Second.' });
    expect(task({ ...row, 'meta.ask.text': 'Flat.' }, { prompt: ['meta.ask.text'] })).toMatchObject({
      prompt: 'Flat.',
    });
    expect(columnsRead({ prompt: ['meta.ask.text'], language: 'lang' })).toEqual(['meta.ask.text', 'meta', 'lang']);
  });

  it('takes the first question of a chat, however it is written, and the language from the answer', () => {
    const answer = 'def f(x):\n    return sorted(x)';
    const chats = [
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Sort it.' },
        { role: 'assistant', content: answer },
      ],
      [
        { role: 'HUMAN', content: 'Sort it.' },
        { role: 'ASSISTANT', content: answer },
        { role: 'HUMAN', content: 'In Go!' },
      ],
      [
        { from: 'human', value: 'Sort it.' },
        { from: 'gpt', value: answer },
      ],
    ];
    for (const messages of chats)
      expect(task({ messages }, { prompt: ['messages'] })).toMatchObject({ prompt: 'Sort it.', language: 'python' });
  });

  describe('of a chat', () => {
    const chat = (...messages: readonly unknown[]) => task({ messages }, { prompt: ['messages'] });
    const none = { code: 'bad_row', problem: 'column "messages" is neither text nor a chat with a question' };
    const words = (...texts: readonly string[]) => texts.map((text) => ({ type: 'text', text }));

    it('joins the parts of a message', () => {
      const answer = { role: 'assistant', content: words('def f(x):\n    return sorted(x)') };
      const content = [...words('Sort it.', 'Now.'), { text: 'Please.' }, 'Thanks!'];
      expect(chat({ role: 'system', content: words('Be brief.') }, { role: 'user', content }, answer)).toMatchObject({
        prompt: 'Sort it.\n\nNow.\n\nPlease.\n\nThanks!',
        language: 'python',
      });
    });

    it('is none where the question is more than text, whatever is asked behind it', () => {
      for (const part of [{ type: 'image_url', image_url: { url: 'x' } }, { type: 'text' }, 7, null]) {
        const content = [...words('What is this?'), part];
        expect(chat({ role: 'user', content }, { role: 'user', content: 'Sort it.' })).toEqual(none);
      }
      expect(chat({ role: 'user', content: [] })).toMatchObject({ code: 'placeholder' });
      expect(chat({ role: 'user', content: null }, { role: 'user', content: 'Sort it.' })).toMatchObject({
        prompt: 'Sort it.',
      });
    });

    it('reads one that stands there as the text of its JSON, and takes none for a task that it cannot read', () => {
      const messages = [
        { role: 'user', content: 'Sort it.\ud83d' },
        { role: 'assistant', content: 'def f(x):\n    return sorted(x)' },
      ];
      const written = (text: string) => task({ messages: text }, { prompt: ['messages'] });
      for (const text of [JSON.stringify(messages), `\n${JSON.stringify(messages, null, 2)}\n`])
        expect(written(text)).toMatchObject({ prompt: 'Sort it.\ufffd', language: 'python' });
      expect(written(JSON.stringify(messages.slice(1)))).toEqual(none);
      expect(written("[{'role': 'user', 'content': 'Sort it.'}, {'role': 'assistant', 'content': 'x'}]\n")).toEqual(
        none,
      );
      expect(guessColumns([{ messages: JSON.stringify(messages) }])).toMatchObject({ prompt: ['messages'] });
      expect(guessColumns([{ messages: JSON.stringify(messages.slice(1)), text: 'Sort.' }])).toMatchObject({
        prompt: ['text'],
      });
      const data = '[{"name": "a", "age": 3}]';
      for (const text of [data, `${JSON.stringify(messages)} Turn this into a table.`, '[{"role": "x"}, 3'])
        expect(written(text)).toMatchObject({ prompt: text.toWellFormed() });
    });
  });

  it('takes the licence of the row before that of the source', () => {
    const licence = (value: unknown) =>
      (task({ prompt: 'Sort.', l: value }, { licence: 'mit', licence_column: 'l' }) as { licence: string }).licence;
    expect(licence('CC BY-NC 4.0')).toBe('cc-by-nc-4.0');
    expect(licence(['Apache-2.0', 'MIT'])).toBe('apache-2.0, mit');
    for (const nothing of [null, '', [], 3, 'unknown']) expect(licence(nothing)).toBe('mit');
  });

  it('takes the language from the text where the column says nothing', () => {
    for (const lang of [undefined, null, '', ' ', 5]) {
      const row = { prompt: 'Write a Python function.', ...(lang === undefined ? {} : { lang }) };
      expect(task(row, { language: 'lang' })).toMatchObject({ language: 'python' });
    }
  });

  it('takes a list of languages that has one', () => {
    expect(task({ prompt: 'Sort.', lang: ['Go'] }, { language: 'lang' })).toMatchObject({ language: 'go' });
    expect(task({ prompt: 'Sort.', lang: ['Go', 'C'] }, { language: 'lang' })).toMatchObject({ language: 'unknown' });
  });
});
