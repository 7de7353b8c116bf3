import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { labelledTexts } from '../../../src/security/probing/labelled-texts.js';
import { guidedTalk } from '../../../src/security/texts/guided-talk.js';
import { measureFilters } from '../../../src/stages/curate/measure-filters.js';

const catalogue = loadCatalogue();
const figures = measureFilters(catalogue);
const of = (filter: string, part: string) => figures.find((one) => one.filter === filter && one.part === part);

describe('the filters of texts', () => {
  it('are measured on more than 240 labelled texts, a third of them held out, or once held out and spent', () => {
    const sum = (...parts: readonly string[]) =>
      figures
        .filter(({ part }) => parts.length === 0 || parts.includes(part))
        .reduce((all, { counts }) => all + counts.found + counts.missed + counts.wronged + counts.spared, 0);
    expect(sum()).toBeGreaterThanOrEqual(240);
    expect(sum('held-out', 'spent') / sum()).toBeGreaterThan(0.3);
    expect(figures.map(({ filter, part }) => `${filter} ${part}`)).toEqual([
      'leaks look',
      'leaks held-out',
      'leaks spent',
      'leaks, giveaway held-out',
      'depth look',
      'depth spent',
      'actuation look',
      'actuation held-out',
    ]);
  });

  it.each([
    ['regression, on texts that were looked at', 'leaks', 'look'],
    ['regression, on texts that are spent', 'leaks', 'spent'],
    ['regression, on texts that were looked at', 'actuation', 'look'],
    ['proof, on texts that were held out', 'actuation', 'held-out'],
  ])(
    '%s: of %s, nine of ten that are dropped should be, and eight of ten that should be are (%s)',
    (_, filter, part) => {
      expect(of(filter, part)?.precision).toBeGreaterThanOrEqual(0.9);
      expect(of(filter, part)?.recall).toBeGreaterThanOrEqual(0.8);
    },
  );

  it('proof: of leaks, all that are dropped should be, on texts that were held out; many that should be are not', () => {
    expect(of('leaks', 'held-out')?.precision).toBeGreaterThanOrEqual(0.95);
    expect(of('leaks', 'held-out')?.recall).toBeGreaterThanOrEqual(0.25);
  });

  it('proof: with what was learnt, three of four leaks are dropped, and nearly nine of ten that are dropped should be, on texts that were held out', () => {
    expect(of('leaks, giveaway', 'held-out')?.precision).toBeGreaterThanOrEqual(0.88);
    expect(of('leaks, giveaway', 'held-out')?.recall).toBeGreaterThanOrEqual(0.75);
  });

  it('proof: nothing that is only shallow, or deep, is taken for a leak', () => {
    const taken = labelledTexts('depth', catalogue).filter(
      ({ text, ...task }) => guidedTalk(text, task.prompt) !== undefined,
    );
    expect(taken).toEqual([]);
  });

  it('regression: depth drops eight of ten that should be, and is right in six of ten; that is why it is off', () => {
    for (const part of ['look', 'spent']) {
      expect(of('depth', part)?.precision).toBeGreaterThanOrEqual(0.6);
      expect(of('depth', part)?.recall).toBeGreaterThanOrEqual(0.8);
    }
  });

  it('counts every text once, and names those that are judged wrongly', () => {
    for (const { filter, part, counts, mistakes } of figures) {
      const texts = labelledTexts(filter === 'leaks, giveaway' ? 'leaks' : filter, catalogue).filter(
        (text) => text.part === part,
      );
      expect(counts.found + counts.missed).toBe(texts.filter(({ drop }) => drop).length);
      expect(counts.wronged + counts.spared).toBe(texts.filter(({ drop }) => !drop).length);
      expect(mistakes).toHaveLength(counts.missed + counts.wronged);
      expect(texts.map(({ id }) => id)).toEqual(expect.arrayContaining([...mistakes]));
    }
  });
});
