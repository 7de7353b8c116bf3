/**
 * What Bandit makes of Python code whose faults are known, as the curation has it look (`curate.analysers`): the pairs of `tests/security/snippets` and
 * the labelled answers of `catalogue/labelled/actuation.yaml`, careless and careful.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadCatalogue } from '../src/security/catalogue.js';
import { labelledTexts } from '../src/security/probing/labelled-texts.js';
import { looksOf } from '../src/stages/curate/analysers/analyse.js';
import { openAnalysers } from '../src/stages/curate/analysers/open.js';
import { analysersParams } from '../src/stages/curate/analysers/params.js';
import { rowOf } from '../src/stages/curate/analysers/verdict.js';

interface Snippet {
  readonly cwe: string;
  readonly language: string;
  readonly good: string;
  readonly bad: string;
}

const catalogue = loadCatalogue();
const programs = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' };
const [opened] = await openAnalysers(analysersParams.parse({ bandit: {} }), { catalogue, programs });
if (opened === undefined) throw new Error('Bandit was not opened');
const bandit = opened;

const names = ['code', 'objects', 'pass', 'unverified', 'other rules alone'];
const show = (cells: readonly (string | number)[]) =>
  process.stdout.write(`${cells.map((cell, index) => String(cell).padEnd(index === 0 ? 26 : 12)).join('')}\n`);

async function measured(what: string, codes: readonly { readonly cwes: readonly string[]; readonly text: string }[]) {
  const python = codes.map((code) => ({ ...code, language: 'python' }));
  const looks = await looksOf(bandit, python, {
    programs,
    signal: new AbortController().signal,
  });
  const rows = python.map((code, index) => rowOf(bandit, code, looks[index] ?? { found: [] }));
  const number = (verdict: string) => rows.filter((row) => row.verdict === verdict).length;
  const others = rows.filter((row) => row.verdict !== 'finding' && row.findings.length > 0).length;
  show([what, rows.length, number('finding'), number('pass'), number('unverified'), others]);
  // Not of the labelled ones, of which some are held out: what is wrong with those is not to be seen by who tunes.
  if (what === 'snippets, good')
    for (const { verdict, findings } of rows) {
      if (verdict === 'finding') show([`  ${findings.map(({ rule, says }) => `${rule} ${says}`).join('; ')}`]);
    }
}

const folder = join(import.meta.dirname, '..', 'tests', 'security', 'snippets');
const snippets = readdirSync(folder)
  .flatMap((name) => parse(readFileSync(join(folder, name), 'utf8')) as Snippet[])
  .filter(({ language }) => language === 'python');
const labelled = labelledTexts('actuation', catalogue).filter(({ language }) => language === 'python');

process.stdout.write(`Bandit ${bandit.version}\n`);
show(['', ...names]);
for (const kind of ['bad', 'good'] as const) {
  const codes = snippets.map(({ cwe, [kind]: text }) => ({ cwes: [cwe], text }));
  await measured(`snippets, ${kind}`, codes);
}
for (const drop of [true, false]) {
  await measured(
    `labelled, to be ${drop ? 'dropped' : 'kept'}`,
    labelled.filter((text) => text.drop === drop),
  );
}
