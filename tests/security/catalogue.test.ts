import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SecpiError } from '../../src/base/errors.js';
import { packageRoot } from '../../src/base/package-root.js';
import { catalogueDigest, entryOf, loadCatalogue } from '../../src/security/catalogue.js';
import { CWE_GROUPS } from '../../src/security/cwe-entry.js';
import { allMitigations } from '../../src/security/mitigations.js';
import { wordsOf } from '../../src/security/words.js';

const folder = mkdtempSync(join(tmpdir(), 'secpi-catalogue-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const original = readFileSync(join(packageRoot, 'catalogue', 'cwe.yaml'), 'utf8');
const catalogue = loadCatalogue();

function write(text: string): string {
  const path = join(folder, 'cwe.yaml');
  writeFileSync(path, text);
  return path;
}

function failure(text: string): SecpiError {
  const path = write(text);
  try {
    loadCatalogue(path);
  } catch (error) {
    if (error instanceof SecpiError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

describe('the catalogue that ships with secpi', () => {
  it('holds the promised weaknesses', () => {
    const ids =
      '20 22 78 79 89 94 95 113 116 117 119 120 125 134 190 327 338 347 377 400 416 434 476 502 611 639 643 732 770 787 798 862 915 916 918 1333';
    expect([...catalogue.entries.keys()]).toEqual(ids.split(' ').map((id) => `CWE-${id}`));
  });

  it('uses every group', () => {
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

describe('loadCatalogue', () => {
  it('is identified by its bytes, without being read', () => {
    expect(catalogueDigest(write(original))).toBe(catalogueDigest());
    expect(catalogueDigest(write(original.replace('SQL injection', 'SQL-injection')))).not.toBe(catalogueDigest());
    expect(() => catalogueDigest('/nowhere/cwe.yaml')).toThrow('cannot be read');
  });

  it('says where a wrong value stands, and in which entry', () => {
    const text = original.replace('group: crypto', 'group: cryptic');
    const error = failure(text);
    expect(error.code).toBe('security/catalogue-invalid');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('group (CWE-327)');
    expect(error.location?.line).toBe(lineOf(text, 'group: cryptic'));
  });

  it('points at the entry that lacks a field', () => {
    const error = failure(
      original.replace(/ {4}naive_mistake: Pastes values into the text of the statement[^\n]*\n/, ''),
    );
    expect(error.message).toContain('naive_mistake (CWE-89)');
    expect(error.location?.line).toBe(lineOf(original, '- id: CWE-89'));
  });

  it('refuses an evidence pattern that could take more than linear time', () => {
    const error = failure(original.replace("'shell ?= ?False'", "'(shell ?)+False'"));
    expect(error.message).toMatch(/evidence.*CWE-78.*unbounded "\+"/);
  });

  it('refuses an id that stands twice, and a mitigation that stands twice', () => {
    expect(failure(original.replace('- id: CWE-22', '- id: CWE-20')).message).toContain('CWE-20 stands twice');
    expect(failure(original.replace('- id: option-guard', '- id: no-shell')).message).toContain(
      '"no-shell" stands twice',
    );
  });

  it('refuses unknown fields, duplicate keys, aliases and text that is not YAML', () => {
    expect(
      failure(original.replace('    parents: [CWE-77]', '    parents: [CWE-77]\n    parent: x')).message,
    ).toContain('parent');
    expect(failure(`${original}\ncatalogue_version: 2\n`).message).toMatch(/unique/i);
    expect(failure('a: &x [1]\nb: *x\n').code).toBe('security/catalogue-invalid');
    expect(failure('entries: [').code).toBe('security/catalogue-invalid');
    expect(failure('').code).toBe('security/catalogue-invalid');
  });

  it('says that a file is missing', () => {
    expect(() => loadCatalogue(join(folder, 'none.yaml'))).toThrow(/cannot be read/);
  });
});

describe('entryOf', () => {
  it('refuses an id that the catalogue does not hold', () => {
    expect(entryOf(catalogue, 'CWE-89').aliases[0]).toBe('SQL injection');
    expect(() => entryOf(catalogue, '__proto__')).toThrow(/not in the CWE catalogue/);
  });
});
