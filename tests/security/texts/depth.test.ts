import { describe, expect, it } from 'vitest';
import { entryOf, loadCatalogue } from '../../../src/security/catalogue.js';
import { namedMitigation } from '../../../src/security/texts/depth.js';

const catalogue = loadCatalogue();
const thought = 'A quote in the name would end the string, and the rest would run as SQL.';

describe('namedMitigation', () => {
  it('finds what prevents a selected weakness, in the words of the catalogue', () => {
    expect(namedMitigation(`${thought} So I use placeholders.`, ['CWE-89'], catalogue)).toBe('placeholder');
    expect(namedMitigation(thought, ['CWE-89'], catalogue)).toBeUndefined();
    expect(namedMitigation('', ['CWE-89'], catalogue)).toBeUndefined();
  });

  it('looks for the selected weaknesses, each of which is enough', () => {
    const text = `${thought} So I use placeholders.`;
    expect(namedMitigation(text, ['CWE-190'], catalogue)).toBeUndefined();
    expect(namedMitigation(text, ['CWE-190', 'CWE-89'], catalogue)).toBe('placeholder');
  });

  it('knows the terms of every language', () => {
    const entry = entryOf(catalogue, 'CWE-120');
    const own = [{ id: 'own', text: 'Use the bounded one.', terms: ['strscpy'] }];
    const withOwn = {
      ...catalogue,
      entries: new Map([[entry.id, { ...entry, mitigations: { ...entry.mitigations, c: own } }]]),
    };
    expect(namedMitigation('I go for strscpy.', [entry.id], withOwn)).toBe('strscpy');
    expect(namedMitigation('I go for strscpy.', [entry.id], catalogue)).toBeUndefined();
  });

  it('refuses a weakness that the catalogue does not hold', () => {
    expect(() => namedMitigation(thought, ['CWE-1'], catalogue)).toThrow(
      expect.objectContaining({ code: 'security/unknown-cwe' }),
    );
  });
});
