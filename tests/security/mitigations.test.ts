import { describe, expect, it } from 'vitest';
import { entryOf, loadCatalogue } from '../../src/security/catalogue.js';
import { allMitigations, mitigationsFor } from '../../src/security/mitigations.js';

const catalogue = loadCatalogue();
const sql = entryOf(catalogue, 'CWE-89');
const command = entryOf(catalogue, 'CWE-78');

describe('mitigationsFor', () => {
  it('puts the general advice before the language’s', () => {
    const [bind] = mitigationsFor(sql, 'python');
    expect(bind?.text).toMatch(/^Keep the statement text constant.*cursor\.execute/);
    expect(bind?.terms).toContain('placeholder');
  });

  it('falls back to the default for a language it does not know', () => {
    for (const language of ['cobol', 'unknown', 'default', '__proto__', 'constructor']) {
      expect(mitigationsFor(sql, language).map(({ text }) => text)).toEqual(
        sql.mitigations.default.map(({ text }) => text),
      );
    }
  });

  it('keeps every default, in order', () => {
    expect(mitigationsFor(command, 'go').map(({ id }) => id)).toEqual(['no-shell', 'option-guard', 'allow-list']);
  });

  it('gives C++ what C has, and C++’s own words first', () => {
    expect(mitigationsFor(command, 'cpp')).toEqual(mitigationsFor(command, 'c'));
    const copy = mitigationsFor(entryOf(catalogue, 'CWE-120'), 'cpp')[0];
    expect(copy?.text).toContain('std::string');
    expect(copy?.text).not.toContain('strncpy');
    expect(copy?.evidence).toEqual(expect.arrayContaining(['std::string\\b', 'strlcpy\\(']));
  });
});

describe('allMitigations', () => {
  it('covers every language', () => {
    const texts = allMitigations(sql)
      .map(({ text }) => text)
      .join('\n');
    expect(texts).toContain('cursor.execute');
    expect(texts).toContain('QueryContext');
  });
});
