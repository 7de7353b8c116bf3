import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { traceMessages } from '../../../src/security/prompts/trace-prompt.js';
import { LEAK_WORDS, promptLeak } from '../../../src/security/texts/leak.js';

const catalogue = loadCatalogue();
const guidance = {
  text: 'CWE-89, SQL injection. Keep the statement text constant and pass each value as a bound parameter of the driver. Call `cursor.execute(sql, (a, b, c, d, e, f))` now.',
  names: ['CWE-89', 'SQL injection'],
};
const sentence = 'keep the statement text constant and pass each value as a bound parameter of the driver'.split(' ');

describe('promptLeak', () => {
  it('finds eight copied words at any position, whatever the case and punctuation', () => {
    const filler = fc.array(fc.constantFrom('so', 'then', 'we', 'query', 'rows', 'carefully'), { maxLength: 40 });
    const start = fc.integer({ min: 0, max: sentence.length - LEAK_WORDS });
    fc.assert(
      fc.property(filler, filler, start, fc.constantFrom(' ', '\n', ', ', ' - '), (before, after, from, gap) => {
        const planted = sentence.slice(from, from + LEAK_WORDS);
        const text = [...before, ...planted.map((word) => word.toUpperCase()), ...after].join(gap);
        expect(promptLeak(text, guidance, '')).toEqual({ kind: 'ngram', text: planted.join(' ') });
      }),
    );
  });

  it('lets seven words pass', () => {
    for (let from = 0; from + LEAK_WORDS - 1 <= sentence.length; from += 1) {
      const text = `so ${sentence.slice(from, from + LEAK_WORDS - 1).join(' ')} then`;
      expect(promptLeak(text, guidance, '')).toBeUndefined();
    }
  });

  it('takes no offence at words of the task', () => {
    expect(promptLeak(sentence.join(' '), guidance, `Task: ${sentence.join(' ')}.`)).toBeUndefined();
  });

  it('does not count code, which good answers share', () => {
    expect(promptLeak('cursor.execute(sql, (a, b, c, d, e, f)) now', guidance, '')).toBeUndefined();
  });

  it('does not count the names of weaknesses', () => {
    const entry = catalogue.entries.get('CWE-79');
    const shown = traceMessages({ prompt: 'x', language: 'python' }, ['CWE-79'], catalogue).guidance;
    const withName = { ...shown, text: `${shown.text} ${entry?.name}` };
    expect(promptLeak(`This is ${entry?.name}, of course.`, withName, '')).toBeUndefined();
  });

  it.each([
    'As the guidelines above say, I escape.',
    'The guidance mentions log injection.',
    'According to the guidance, escape it.',
    'The system prompt wants care.',
    'As instructed above, I do not say why.',
    'I was told to reason naturally.',
    'I should write as if I had noticed this.',
    'I must not mention the guidance.',
    'All listed weaknesses are covered.',
    'I explain it without mentioning the list.',
    'I guess 1333 was picked for this exercise.',
    'I was advised to look out for it.',
  ])('notices the phrase in %j', (text) => {
    expect(promptLeak(text, guidance, '')?.kind).toBe('phrase');
  });

  it.each([
    'The prompt says that the function returns a list, as described above.',
    'OWASP guidelines recommend scrypt.',
    'This is CWE-89, SQL injection; the instructions ask for a dict.',
    'I noticed that the name comes from the user.',
  ])('lets ordinary reasoning pass: %j', (text) => {
    expect(promptLeak(text, guidance, 'Return a list.')).toBeUndefined();
  });

  it('lets what one says of lists, prompts, hints and rules pass, but for the sentences that it is known to get wrong', () => {
    const path = join(import.meta.dirname, 'ordinary-sentences.yaml');
    const strings = z.array(z.string());
    const { kept, dropped } = z
      .strictObject({ kept: strings, dropped: strings })
      .parse(parse(readFileSync(path, 'utf8')));
    const found = [...kept, ...dropped].filter((text) => promptLeak(text, guidance, 'Write it.') !== undefined);
    expect(found).toEqual(dropped);
    expect(dropped.length / (kept.length + dropped.length)).toBeLessThan(0.07);
  });

  it('lets a phrase pass that the task itself uses', () => {
    expect(
      promptLeak('I read the system prompt from a file.', guidance, 'Load the system prompt of a chat bot.'),
    ).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.string()), fc.string(), (text, shown, names, task) => {
        promptLeak(text, { text: shown, names }, task);
      }),
    );
  });
});
