import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { loadCatalogue } from '../../src/security/catalogue.js';
import { type CweEntry, occursIn } from '../../src/security/cwe-entry.js';
import { mitigationsFor } from '../../src/security/mitigations.js';
import { evidenceIn } from '../../src/security/texts/evidence.js';

/** What snippets are written in. TypeScript is read as JavaScript. */
const LANGUAGES = 'c cpp csharp go java javascript kotlin php python ruby rust shell sql'.split(' ');

/**
 * Where a weakness that can occur anywhere is so rare that the general advice has to do. Most have nothing to do with shell and SQL: there only
 * what is written has to be proven.
 */
const RARE: Readonly<Record<string, readonly string[]>> = {
  'CWE-94': ['c', 'cpp', 'rust'],
  'CWE-434': ['c', 'cpp'],
  'CWE-643': ['rust'],
};

const snippetSchema = z.strictObject({
  cwe: z.string(),
  language: z.enum(LANGUAGES),
  /** What is special about this way of writing it, in a few words. */
  style: z.string().optional(),
  good: z.string().min(1),
  /** The naive mistake. */
  bad: z.string().min(1),
  /** Where the mistake is something that is missing, no pattern can show it. */
  bad_is: z.literal('absent').optional(),
});
type Snippet = z.infer<typeof snippetSchema>;

const catalogue = loadCatalogue();
const folder = join(import.meta.dirname, 'snippets');
const files = readdirSync(folder).map((file) => ({
  group: basename(file, '.yaml'),
  snippets: z.array(snippetSchema).parse(parse(readFileSync(join(folder, file), 'utf8'))),
}));

const canBeSeen = (entry: CweEntry, language: string) =>
  mitigationsFor(entry, language).some(({ evidence }) => evidence.length > 0);

/** One line per snippet, with what the patterns saw: what a person needs to mend either. */
function read({ cwe, language, style = '' }: Snippet, code: string): readonly [verdict: string, seen: string] {
  const [found] = evidenceIn(code, language, [cwe], catalogue);
  if (found === undefined) throw new Error('no evidence for the asked weakness');
  const saw = [...found.visible, ...found.danger.map((text) => `danger: ${text}`)].join(', ');
  return [found.verdict, `${cwe} ${language} ${style}: ${found.verdict} (${saw})`];
}

describe.each(files)('snippets of the group $group', ({ group, snippets }) => {
  const entries = [...catalogue.entries.values()].filter((entry) => entry.group === group);

  it('shows the mitigation in good code', () => {
    const wrong = snippets.map((it) => read(it, it.good)).filter(([verdict]) => verdict !== 'shown');
    expect(wrong.map(([, seen]) => seen)).toEqual([]);
  });

  it('contradicts the naive mistake', () => {
    const wrong = snippets.flatMap((it) => {
      const [verdict, seen] = read(it, it.bad);
      return verdict === (it.bad_is ?? 'contradicted') ? [] : [seen];
    });
    expect(wrong).toEqual([]);
  });

  it('contradicts good code beside which the naive mistake stands', () => {
    const wrong = snippets
      .filter(({ bad_is }) => bad_is === undefined)
      .map((it) => read(it, `${it.good}\n${it.bad}`))
      .filter(([verdict]) => verdict !== 'contradicted');
    expect(wrong.map(([, seen]) => seen)).toEqual([]);
  });

  it('proves the patterns of every language that an entry has any for', () => {
    const wanted = entries.flatMap((entry) =>
      LANGUAGES.filter((language) => occursIn(entry, language) && canBeSeen(entry, language)).map(
        (language) => `${entry.id} ${language}`,
      ),
    );
    const written = new Set(snippets.map(({ cwe, language }) => `${cwe} ${language}`));
    expect([...written].sort()).toEqual(wanted.sort());
  });

  it('has patterns for every language where a weakness can occur', () => {
    const silent = entries.flatMap((entry) => {
      const rare = ['shell', 'sql', ...(RARE[entry.id] ?? [])];
      const expected = LANGUAGES.filter((language) =>
        entry.languages.length === 0 ? !rare.includes(language) : entry.languages.includes(language),
      );
      return expected.filter((language) => !canBeSeen(entry, language)).map((language) => `${entry.id} ${language}`);
    });
    expect(silent).toEqual([]);
  });
});
