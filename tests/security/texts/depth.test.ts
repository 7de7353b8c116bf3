import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { depthOf } from '../../../src/security/texts/depth.js';

const catalogue = loadCatalogue();
const thought =
  'Whoever uses the search decides what the name is. Pasted into the statement, a quote in it would end the string and the rest would run as SQL.';
const decision = 'So I use a placeholder (?) and pass the name as a bound value.';

describe('depthOf', () => {
  it('finds a thought about misuse and a decision, in ordinary words', () => {
    const { threat, measure, sound } = depthOf(`${thought} ${decision}`, ['CWE-89'], catalogue);
    expect(sound).toBe(true);
    expect(threat).toContain('a quote in it would end the string');
    expect(measure).toContain('placeholder');
  });

  it('is satisfied by neither alone', () => {
    expect(depthOf(thought, ['CWE-89'], catalogue)).toMatchObject({ measure: null, sound: false });
    expect(depthOf(decision, ['CWE-89'], catalogue)).toMatchObject({ threat: null, sound: false });
  });

  it('looks for the selected weaknesses, each of which is enough', () => {
    expect(depthOf(`${thought} ${decision}`, ['CWE-190'], catalogue).sound).toBe(false);
    expect(depthOf(`${thought} ${decision}`, ['CWE-190', 'CWE-89'], catalogue).sound).toBe(true);
  });

  it('takes neither names nor good intentions for thoughts', () => {
    for (const text of [
      'Beware of SQL injection. Use parameterized queries.',
      'SQL injection is a known vulnerability. I follow best practices such as prepared statements.',
      'In production one would use bound parameters against injection; here I keep it simple.',
    ]) {
      expect(depthOf(text, ['CWE-89'], catalogue).sound).toBe(false);
    }
  });

  it('refuses a weakness that the catalogue does not hold', () => {
    expect(() => depthOf(thought, ['CWE-1'], catalogue)).toThrow(
      expect.objectContaining({ code: 'security/unknown-cwe' }),
    );
  });

  it('takes linear time in a long text without full stops', () => {
    const long = 'somebody could send whatever '.repeat(20_000);
    expect(depthOf(long, ['CWE-89'], catalogue).sound).toBe(false);
  });
});
