import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { normaliseCweId, parseVerdict } from '../../../src/security/prompts/verdict.js';

const catalogue = loadCatalogue();
const answer = (change: object = {}) =>
  JSON.stringify({ relevant: true, cwes: ['CWE-78'], confidence: 0.9, reason: 'Runs a program.', ...change });

function read(text: string) {
  const parsed = parseVerdict(text, catalogue);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

function why(text: string): string {
  const parsed = parseVerdict(text, catalogue);
  return parsed.ok ? 'accepted' : parsed.why;
}

describe('parseVerdict', () => {
  it('reads plain JSON', () => {
    expect(read(answer())).toEqual({
      relevant: true,
      cwes: ['CWE-78'],
      confidence: 0.9,
      reason: 'Runs a program.',
      notes: [],
    });
  });

  it.each([
    `\`\`\`json\n${answer()}\n\`\`\``,
    `Here it is: ${answer()} Hope that helps {really}.`,
    `An example would be {"relevant": false, "cwes": [], "confidence": 1, "reason": "x"}, but:\n${answer()}`,
    `{not json} ${answer()}`,
    `A set {a, {b}} first.\n${answer({ note: 'extra { brace' })}`,
  ])('finds the JSON in %j', (text) => {
    expect(read(text).cwes).toEqual(['CWE-78']);
  });

  it('spells ids in one way and drops doubles', () => {
    expect(read(answer({ cwes: ['cwe-078', 'CWE 89', '22', 'CWE-78'] })).cwes).toEqual(['CWE-78', 'CWE-89', 'CWE-22']);
  });

  it('drops ids that the catalogue does not hold, with a note', () => {
    const verdict = read(answer({ cwes: ['CWE-9999', 'SQL injection', 'CWE-89'] }));
    expect(verdict.cwes).toEqual(['CWE-89']);
    expect(verdict.notes).toEqual(['dropped unknown weakness "CWE-9999"', 'dropped unknown weakness "SQL injection"']);
    expect(read(answer({ cwes: ['CWE-9999'] }))).toMatchObject({ relevant: true, cwes: [] });
  });

  it('drops ids that were not offered', () => {
    const parsed = parseVerdict(answer({ cwes: ['CWE-78', 'CWE-89'] }), { entries: new Set(['CWE-89']) });
    expect(parsed).toMatchObject({ ok: true, value: { cwes: ['CWE-89'] } });
  });

  it('keeps no ids of a task that is not relevant', () => {
    expect(read(answer({ relevant: false }))).toMatchObject({
      cwes: [],
      notes: ['dropped CWE-78 of a task called not relevant'],
    });
  });

  it('takes the first five of more ids', () => {
    const cwes = ['CWE-20', 'CWE-99999', 'CWE-22', 'CWE-20', 'CWE-78', 'CWE-79', 'CWE-89', 'CWE-94'];
    expect(read(answer({ cwes }))).toMatchObject({
      cwes: ['CWE-20', 'CWE-22', 'CWE-78', 'CWE-79', 'CWE-89'],
      notes: [expect.stringContaining('CWE-99999'), expect.stringContaining('CWE-94')],
    });
  });

  it.each([
    ['a relevant task without ids', answer({ cwes: [] }), /no weakness/],
    ['a confidence above 1', answer({ confidence: 90 }), /^confidence: /],
    ['a confidence in words', answer({ confidence: 'high' }), /^confidence: /],
    ['a relevance in words', answer({ relevant: 'yes' }), /^relevant: /],
    ['no reason', answer({ reason: ' ' }), /^reason: /],
    ['ids as one text', answer({ cwes: 'CWE-78' }), /^cwes: /],
    ['no JSON', 'The task is relevant.', /no JSON/],
    ['cut JSON', answer().slice(0, -5), /no JSON/],
    ['an array', `[${answer().slice(1, -1)}]`, /no JSON/],
  ])('refuses %s', (_, text, expected) => {
    expect(why(text)).toMatch(expected);
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '"',
      '\\',
      '[',
      ']',
      ':',
      ',',
      'relevant',
      'true',
      '```',
      '\n',
      '"cwes"',
      '"__proto__"',
      '1e999',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 60 }).map((p) => p.join('')),
      fc.json(),
    );
    fc.assert(
      fc.property(text, (content) => {
        const parsed = parseVerdict(content, catalogue);
        if (!parsed.ok) expect(parsed.why).not.toBe('');
      }),
    );
  });

  it('reads back every valid verdict, whatever stands around it', () => {
    const known = fc.constantFrom(...catalogue.entries.keys());
    const prose = fc.string().map((text) => text.replace(/[{}"]/g, ''));
    fc.assert(
      fc.property(
        fc.uniqueArray(known, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        prose,
        prose,
        (cwes, confidence, before, after) => {
          const verdict = read(before + answer({ cwes, confidence }) + after);
          expect(verdict.cwes).toEqual(cwes);
          expect(verdict.confidence).toBe(confidence === 0 ? 0 : confidence);
        },
      ),
    );
  });

  it('gives up on a flood of braces', () => {
    expect(why('{'.repeat(200_000))).toMatch(/no JSON/);
  });
});

describe('normaliseCweId', () => {
  it('knows the usual spellings and nothing else', () => {
    expect(['CWE-89', 'cwe_89', 'CWE89', '089', ' CWE-89 '].map(normaliseCweId)).toEqual(Array(5).fill('CWE-89'));
    expect(['', 'CWE-', 'CWE-0', '89a', 'CWE-123456', 'CWE-89 (SQL)'].map(normaliseCweId)).toEqual(
      Array(6).fill(undefined),
    );
  });
});
