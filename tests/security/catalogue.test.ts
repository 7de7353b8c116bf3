import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SecpiError } from '../../src/base/errors.js';
import { packageRoot } from '../../src/base/package-root.js';
import { catalogueDigest, entryOf, loadCatalogue } from '../../src/security/catalogue.js';
import { CWE_GROUPS } from '../../src/security/cwe-entry.js';
import { allMitigations } from '../../src/security/mitigations.js';
import { wordsOf } from '../../src/security/words.js';

const scratch = mkdtempSync(join(tmpdir(), 'secpi-catalogue-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const source = join(packageRoot, 'catalogue', 'cwe');
const originals: ReadonlyMap<string, string> = new Map(
  readdirSync(source).map((name) => [name, readFileSync(join(source, name), 'utf8')]),
);
const originalOf = (name: string) => originals.get(name) ?? '';
const catalogue = loadCatalogue();

/** A folder with the catalogue that ships with secpi, some files of it changed; `undefined` leaves one out. */
function folderWith(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const folder = mkdtempSync(join(scratch, 'folder-'));
  for (const [name, text] of Object.entries({ ...Object.fromEntries(originals), ...changes })) {
    if (text !== undefined) writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The catalogue with one text of one file changed for another. */
function changed(name: string, from: string | RegExp, to: string): string {
  const text = originalOf(name).replace(from, to);
  if (text === originalOf(name)) throw new Error(`${name} does not hold ${String(from)}`);
  return text;
}

function failure(changes: Readonly<Record<string, string | undefined>>): SecpiError {
  try {
    loadCatalogue(folderWith(changes));
  } catch (error) {
    if (error instanceof SecpiError) return error;
    throw error;
  }
  throw new Error('the catalogue was accepted');
}

const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

describe('the catalogue that ships with secpi', () => {
  it('holds the promised weaknesses, in the order of their numbers', () => {
    const ids =
      '20 22 77 78 79 89 94 95 113 116 117 119 120 125 134 190 327 338 347 377 400 416 434 476 502 611 639 643 732 770 787 798 862 915 916 918 943 1333';
    expect([...catalogue.entries.keys()]).toEqual(ids.split(' ').map((id) => `CWE-${id}`));
  });

  it('knows each weakness by the group whose file it stands in', () => {
    expect(entryOf(catalogue, 'CWE-89').group).toBe('injection');
    expect(new Set([...catalogue.entries.values()].map(({ group }) => group))).toEqual(new Set(CWE_GROUPS));
  });

  it('gives every mitigation terms that consist of words', () => {
    for (const entry of catalogue.entries.values()) {
      for (const { id, terms } of allMitigations(entry)) {
        expect(terms.length, `${entry.id} ${id}`).toBeGreaterThan(0);
        for (const term of terms) expect(wordsOf(term).length, `${entry.id} ${id} "${term}"`).toBeGreaterThan(0);
      }
    }
  });

  it('advises on Python, JavaScript, C, C++ and Go wherever the weakness can occur there', () => {
    const missing = [...catalogue.entries.values()].flatMap((entry) =>
      ['python', 'javascript', 'c', 'go']
        .filter((language) => entry.languages.length === 0 || entry.languages.includes(language))
        .filter((language) => !Object.hasOwn(entry.mitigations, language))
        .map((language) => `${entry.id} ${language}`),
    );
    // Uploads, template engines and XML in C are rare enough for the general advice.
    expect(missing).toEqual(['CWE-94 c', 'CWE-434 c']);
  });

  it('carries the notice that MITRE asks for', () => {
    expect(catalogue.notice).toContain('The MITRE Corporation');
    expect(readFileSync(join(packageRoot, 'NOTICE'), 'utf8')).toContain('royalty-free license to use CWE');
  });
});

describe('catalogueDigest', () => {
  it('knows a catalogue by what its files say, without reading them as YAML', () => {
    expect(catalogueDigest(folderWith())).toBe(catalogueDigest());
    for (const text of [changed('injection.yaml', 'SQL injection', 'SQL-injection'), undefined, 'no: [yaml']) {
      expect(catalogueDigest(folderWith({ 'injection.yaml': text }))).not.toBe(catalogueDigest());
    }
    expect(() => catalogueDigest('/nowhere/cwe')).toThrow('cannot be read');
  });

  it('does not change with a comment, an empty line or line ends', () => {
    const path = originalOf('path.yaml');
    for (const text of [`# one\n\n${path}\n  # two`, path.replaceAll('\n', '\r\n'), path.replaceAll('\n\n', '\n')]) {
      expect(catalogueDigest(folderWith({ 'path.yaml': text }))).toBe(catalogueDigest());
    }
  });

  it('can leave such lines out, because no text may hold one', () => {
    for (const line of ['# not a comment', '']) {
      const text = changed('path.yaml', /naive_mistake: [^\n]*/, `naive_mistake: >\n    one\n    ${line}\n    two`);
      const error = failure({ 'path.yaml': text });
      expect(error.message).toContain('holds an empty line or one that begins with "#"');
      expect(error.location?.line).toBe(lineOf(text, 'naive_mistake'));
    }
  });
});

describe('loadCatalogue', () => {
  it('says where a wrong value stands, and in which entry', () => {
    const text = changed('crypto.yaml', 'abstraction: class', 'abstraction: classy');
    const error = failure({ 'crypto.yaml': text });
    expect(error.code).toBe('security/catalogue-invalid');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('abstraction (CWE-327)');
    expect(error.location?.file).toMatch(/crypto\.yaml$/);
    expect(error.location?.line).toBe(lineOf(text, 'abstraction: classy'));
  });

  it('points at the entry that lacks a field', () => {
    const text = changed('injection.yaml', / {2}naive_mistake: Pastes values into the text of the statement[^\n]*\n/, '');
    const error = failure({ 'injection.yaml': text });
    expect(error.message).toContain('naive_mistake (CWE-89)');
    expect(error.location?.line).toBe(lineOf(text, '- id: CWE-89'));
  });

  it('refuses a pattern that could take more than linear time', () => {
    const evidence = changed('injection.yaml', "'shell ?= ?False'", "'(shell ?)+False'");
    expect(failure({ 'injection.yaml': evidence }).message).toMatch(/evidence.*CWE-78.*unbounded "\+"/);
    const danger = changed('path.yaml', '  analyser_rules:', "  danger: { python: ['a*'] }\n  analyser_rules:");
    expect(failure({ 'path.yaml': danger }).message).toMatch(/danger.*CWE-22.*unbounded "\*"/);
  });

  it('refuses an id that stands twice, also in two files, and a mitigation that stands twice', () => {
    const once = changed('injection.yaml', '- id: CWE-78', '- id: CWE-20');
    expect(failure({ 'injection.yaml': once }).message).toContain('CWE-20 stands twice');
    const elsewhere = failure({ 'path.yaml': changed('path.yaml', '- id: CWE-22', '- id: CWE-89') });
    expect(elsewhere.message).toContain('CWE-89 stands twice (also in injection.yaml)');
    expect(elsewhere.location?.file).toMatch(/path\.yaml$/);
    expect(failure({ 'injection.yaml': changed('injection.yaml', '- id: option-guard', '- id: no-shell') }).message).toContain(
      '"no-shell" stands twice',
    );
  });

  it('refuses unknown fields, duplicate keys, aliases and text that is not YAML', () => {
    const unknown = changed('path.yaml', '  languages: []', '  languages: []\n  language: x');
    expect(failure({ 'path.yaml': unknown }).message).toContain('language');
    const head = originalOf('catalogue.yaml');
    expect(failure({ 'catalogue.yaml': `${head}\ncatalogue_version: 2\n` }).message).toMatch(/unique/i);
    for (const text of ['a: &x [1]\nb: *x\n', 'entries: [', '']) {
      expect(failure({ 'catalogue.yaml': text }).code).toBe('security/catalogue-invalid');
      expect(failure({ 'path.yaml': text }).code).toBe('security/catalogue-invalid');
    }
  });

  it('wants one file for each group and no other', () => {
    expect(failure({ 'catalogue.yaml': undefined }).message).toContain('catalogue.yaml is missing');
    expect(failure({ 'path.yaml': undefined }).message).toContain('"path" has no file path.yaml');
    expect(failure({ 'paths.yaml': originalOf('path.yaml') }).message).toContain('named after no group');
  });

  it('says that a folder is missing', () => {
    expect(() => loadCatalogue(join(scratch, 'none'))).toThrow(/cannot be read/);
  });
});

describe('entryOf', () => {
  it('refuses an id that the catalogue does not hold', () => {
    expect(entryOf(catalogue, 'CWE-89').aliases[0]).toBe('SQL injection');
    expect(() => entryOf(catalogue, '__proto__')).toThrow(/not in the CWE catalogue/);
  });
});
