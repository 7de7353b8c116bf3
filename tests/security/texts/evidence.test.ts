import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { entryOf, loadCatalogue } from '../../../src/security/catalogue.js';
import type { CweEntry } from '../../../src/security/cwe-entry.js';
import { mitigationsFor } from '../../../src/security/mitigations.js';
import { evidenceIn } from '../../../src/security/texts/evidence.js';

const catalogue = loadCatalogue();
const codeSchema = z.strictObject({ secure: z.string(), naive: z.string() });
const cases = z
  .array(z.object({ cwe: z.string() }).catchall(codeSchema))
  .parse(parse(readFileSync(join(import.meta.dirname, 'evidence-cases.yaml'), 'utf8')))
  .flatMap(({ cwe, ...languages }) =>
    Object.entries(languages).map(([language, code]) => ({ cwe, language, ...codeSchema.parse(code) })),
  );

const only = (code: string, language: string, cwe: string) => {
  const [found] = evidenceIn(code, language, [cwe], catalogue);
  if (found === undefined) throw new Error('no evidence for the asked weakness');
  return found;
};

describe('the evidence patterns of the catalogue', () => {
  it.each(cases)(
    '$cwe in $language: seen in secure code, absent from naive code',
    ({ cwe, language, secure, naive }) => {
      const entry = catalogue.entries.get(cwe);
      const withEvidence =
        entry === undefined ? [] : mitigationsFor(entry, language).filter((m) => m.evidence.length > 0);
      expect(withEvidence.length).toBeGreaterThan(0);
      expect(only(secure, language, cwe).visible).toEqual(withEvidence.map(({ id }) => id));
      expect(only(naive, language, cwe).visible).toEqual([]);
      expect(only(secure, language, cwe).verdict).toBe('shown');
    },
  );
});

describe('evidenceIn', () => {
  it('does not believe comments or docstrings', () => {
    const code = '"""Uses html.escape(x)."""\n# html.escape(x)\ndef show(x):\n    """html.escape(x)"""\n    return x\n';
    expect(only(code, 'python', 'CWE-79').visible).toEqual([]);
  });

  it('does not care how the code is laid out', () => {
    const code = 'cursor.execute(\n    "SELECT 1 WHERE a = ?",\n    (value,),\n)';
    expect(only(code, 'python', 'CWE-89').visible).toEqual(['bind-values']);
  });

  it('says unverified, not absent, where the catalogue has no pattern for the language', () => {
    expect(only('anything', 'cobol', 'CWE-89').mitigations.map(({ seen }) => seen)).toEqual([
      'unverified',
      'unverified',
    ]);
  });

  it('takes C evidence in C++ and JavaScript evidence in TypeScript', () => {
    expect(only('if (p == NULL) return;', 'cpp', 'CWE-476').visible).toEqual(['check-result']);
    expect(only('const raw = JSON.parse(text);', 'typescript', 'CWE-502').visible).toEqual(['data-format']);
  });

  it('says contradicted where the naive mistake stands, whatever stands beside it', () => {
    const code = 'cur.execute("SELECT 1 FROM t WHERE a = ?", (a,))\ncur.execute(f"SELECT 1 FROM t WHERE b = \'{b}\'")';
    const found = only(code, 'python', 'CWE-89');
    expect(found.visible).toEqual(['bind-values']);
    expect(found.verdict).toBe('contradicted');
    expect(found.danger.join()).toContain("b = '{");
    expect(only(`# ${code.replace('\n', '\n# ')}`, 'python', 'CWE-89').verdict).toBe('absent');
  });

  it('says absent where patterns looked and saw nothing, and unverified where nothing looked', () => {
    expect(only('return 1', 'python', 'CWE-89')).toMatchObject({ verdict: 'absent', danger: [] });
    expect(only('return 1', 'cobol', 'CWE-89')).toMatchObject({ verdict: 'unverified', danger: [] });
  });

  it('does not take what only supports for what prevents', () => {
    const [helps, prevents] = [
      { id: 'helps', text: 'It helps.', terms: ['help'], supporting: true, evidence: ['helps'] },
      { id: 'prevents', text: 'It prevents.', terms: ['prevent'], evidence: ['prevents'] },
    ] as const;
    const verdictOf = (code: string, mitigations: readonly (typeof helps | typeof prevents)[]) => {
      const entry = {
        ...entryOf(catalogue, 'CWE-89'),
        mitigations: { default: [...mitigations] },
      } as unknown as CweEntry;
      const entries = new Map([['CWE-89', entry]]);
      return evidenceIn(code, 'cobol', ['CWE-89'], { ...catalogue, entries })[0]?.verdict;
    };
    expect(verdictOf('helps', [helps, prevents])).toBe('absent');
    expect(verdictOf('helps prevents', [helps, prevents])).toBe('shown');
    expect(verdictOf('helps', [helps])).toBe('unverified');
  });

  it('refuses a weakness that the catalogue does not hold', () => {
    expect(() => evidenceIn('', 'python', ['CWE-9999'], catalogue)).toThrow(/CWE-9999 is not in the CWE catalogue/);
  });
});
