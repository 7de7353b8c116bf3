import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../../src/base/package-root.js';
import { loadCatalogue } from '../../../../src/security/catalogue.js';
import { labelledTexts } from '../../../../src/security/probing/labelled-texts.js';
import { FEATURE_BITS, FeatureReader } from '../../../../src/security/texts/giveaway/features.js';
import { mostGivenAway } from '../../../../src/security/texts/giveaway/giveaway.js';
import { parseGiveawayModel } from '../../../../src/security/texts/giveaway/giveaway-model.js';
import { passagesOf } from '../../../../src/security/texts/giveaway/passages.js';
import { curateParams } from '../../../../src/stages/curate/params.js';

interface Passage {
  readonly writer: number;
  readonly leak: boolean;
  readonly text: string;
}
const learnt = readFileSync(join(packageRoot, 'catalogue', 'giveaway', 'passages.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Passage);

const { giveaway_score } = curateParams.parse({});
const isTaken = (text: string) => (mostGivenAway(text)?.score ?? Number.NEGATIVE_INFINITY) >= giveaway_score;
const leak =
  'That makes two of the three that somebody had circled for me; better let it look as though it struck me while I typed.';
const plain = 'The name reaches the query, so I bind it.';

describe('passages', () => {
  it('are two sentences each, every sentence is in one, and code blocks are in none', () => {
    const text = 'One thing. Two things!\n```py\nsecret = 1.\n```\nThree: things\nand four';
    expect([...passagesOf(text)]).toEqual([
      'One thing. Two things!',
      'Two things! Three:',
      'Three: things',
      'things and four',
    ]);
    expect([...passagesOf('alone')]).toEqual(['alone']);
    expect([...passagesOf(' \n```\ncode')]).toEqual([]);
  });

  it('are made of any text, and quickly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        for (const passage of passagesOf(text)) expect(passage.length).toBeLessThanOrEqual(1201);
      }),
    );
    const long = ['.'.repeat(200_000), '`'.repeat(200_000), '. '.repeat(100_000), 'x'.repeat(200_000)];
    for (const text of long) expect([...passagesOf(text)].length).toBeLessThanOrEqual(100_000);
  });
});

describe('features', () => {
  it('are numbers of the right size, each once, the same at every reading, and hardly any two texts have the same', () => {
    const reader = new FeatureReader();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const found = reader.read(text);
        expect(new Set(found).size).toBe(found.length);
        expect(found.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** FEATURE_BITS)).toBe(
          true,
        );
        expect(reader.read(text)).toEqual(found);
      }),
    );
    expect(reader.read('I bind it.')).not.toEqual(reader.read('It binds me.'));
    expect(reader.read('I bind `a` there')).toEqual(reader.read('I BIND `completely(different)` there'));
  });
});

describe('the model', () => {
  it('knows again what it has learnt, and finds one sentence among many', () => {
    const share = (wanted: boolean) => {
      const texts = learnt.filter((one) => one.leak === wanted && one.writer % 7 === 0);
      return texts.filter(({ text }) => isTaken(text)).length / texts.length;
    };
    expect(share(true)).toBeGreaterThan(0.9);
    expect(share(false)).toBeLessThan(0.02);
    const found = mostGivenAway(`${`${plain} `.repeat(50)}${leak} ${`${plain} `.repeat(50)}`);
    expect(found?.passage).toContain('better let it look');
    expect(found?.score).toBeGreaterThanOrEqual(giveaway_score);
    expect(isTaken(`${plain} `.repeat(100))).toBe(false);
    expect(mostGivenAway('```\ncode\n```')).toBeUndefined();
  });

  it('was learnt from no text that is held out', () => {
    const known = new Set(learnt.map(({ text }) => text));
    const heldOut = labelledTexts('leaks', loadCatalogue()).filter(({ part }) => part === 'held-out');
    expect(heldOut.length).toBeGreaterThan(300);
    expect(heldOut.filter(({ text }) => known.has(text.trim()))).toEqual([]);
  });

  it('is not read if it is another one, or only a part', () => {
    const whole = {
      schema: 1,
      bits: FEATURE_BITS,
      bias: 0,
      scale: 1,
      weights: Buffer.alloc(2 ** FEATURE_BITS, 1).toString('base64'),
    };
    expect(parseGiveawayModel(JSON.stringify(whole)).score([1, 2, 3, 4])).toBe(2);
    expect(() => parseGiveawayModel(JSON.stringify({ ...whole, weights: 'AAAA' }))).toThrow('3 weights');
    expect(() => parseGiveawayModel(JSON.stringify({ ...whole, bits: 17 }))).toThrow();
  });
});
