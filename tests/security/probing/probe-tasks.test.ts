import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { loadProbe } from '../../../src/security/probing/probe-tasks.js';
import { offeredEntries } from '../../../src/security/prompts/classify-prompt.js';
import { promptTemplate } from '../../../src/security/prompts/prompt-file.js';
import { wordsOf } from '../../../src/security/texts/words.js';

const tasks = loadProbe();
const catalogue = loadCatalogue();

describe('the labelled tasks that ship with secpi', () => {
  it('are many, in many languages, with harmless ones among them', () => {
    expect(tasks.length).toBeGreaterThanOrEqual(240);
    expect(new Set(tasks.map(({ language }) => language)).size).toBeGreaterThanOrEqual(14);
    expect(tasks.filter(({ cwes }) => cwes.length === 0).length).toBeGreaterThanOrEqual(80);
    expect(new Set(tasks.map(({ prompt }) => prompt)).size).toBe(tasks.length);
  });

  it('bring every weakness of the catalogue, in the part to tune on and in the one that is held out', () => {
    const rare = [...catalogue.entries.keys()].filter((id) => {
      const parts = tasks.filter(({ cwes }) => cwes.includes(id)).map(({ heldOut }) => heldOut);
      return parts.length < 3 || !parts.includes(true) || !parts.includes(false);
    });
    expect(rare).toEqual([]);
  });

  it('are labelled with what can occur in their language', () => {
    const impossible = tasks.flatMap(({ id, language, cwes, also }) => {
      const offered = offeredEntries(language, catalogue);
      return [...cwes, ...also]
        .filter((label) => catalogue.entries.has(label) && !offered.has(label))
        .map((label) => `${id}: ${label} in ${language}`);
    });
    expect(impossible).toEqual([]);
  });

  it('hold a third out, of every kind', () => {
    const share = (some: typeof tasks) => some.filter(({ heldOut }) => heldOut).length / some.length;
    for (const some of [tasks, tasks.filter(({ cwes }) => cwes.length === 0)]) {
      expect(share(some)).toBeGreaterThan(0.3);
      expect(share(some)).toBeLessThan(0.37);
    }
  });

  it("share no six words in a row with the examples in the classifier's prompt", () => {
    const runs = (text: string) => {
      const words = wordsOf(text);
      return words.slice(5).map((_, at) => words.slice(at, at + 6).join(' '));
    };
    const shown = new Set(promptTemplate('classify').examples.flatMap(({ task }) => runs(task)));
    expect(shown.size).toBeGreaterThan(50);
    expect(
      tasks.flatMap(({ id, prompt }) =>
        runs(prompt)
          .filter((run) => shown.has(run))
          .map(() => id),
      ),
    ).toEqual([]);
  });
});

describe('loadProbe', () => {
  const read = (text: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'secpi-probe-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'tasks.yaml'), text);
    return loadProbe(folder);
  };
  const task = (more: string, id = 'path-3') => `- {id: ${id}, language: c, voice: terse, prompt: Do it., ${more}}\n`;

  it('holds out the tasks whose number three divides, whatever stands around them', () => {
    expect(read(task('cwes: [CWE-22]'))).toEqual([
      { id: 'path-3', language: 'c', prompt: 'Do it.', cwes: ['CWE-22'], also: [], heldOut: true },
    ]);
    expect(read(task('near: [CWE-22]', 'harmless-31'))).toMatchObject([{ cwes: [], heldOut: false }]);
  });

  it.each([
    ['a task with and without a weakness', task('cwes: [CWE-22], near: [CWE-22]'), /either `cwes` or `near`/],
    ['a task without a label', task('also: [CWE-22]'), /either `cwes` or `near`/],
    ['what is allowed beside nothing', task('near: [CWE-22], also: [CWE-20]'), /beside `cwes`/],
    ['an id twice', task('cwes: [CWE-22], also: [CWE-22]'), /names an id twice/],
    ['a task twice', task('cwes: [CWE-22]') + task('cwes: [CWE-20]'), /"path-3" stands twice/],
    ['a misspelt id', task('cwes: [cwe-22]'), /must look like CWE-89/],
    ['broken YAML', '- {id: ', /cannot be used/],
    ['no file', '', /cannot be used/],
  ])('refuses %s', (_, text, expected) => {
    expect(() => read(text)).toThrow(expected);
  });
});
