import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { labelledTexts } from '../../../src/security/probing/labelled-texts.js';
import { measureFilters } from '../../../src/security/probing/measure-filters.js';

const catalogue = loadCatalogue();
const figures = measureFilters(catalogue);
const of = (filter: string, part: string) => figures.find((one) => one.filter === filter && one.part === part);

describe('the filters of texts', () => {
  it('are measured on more than 240 labelled texts, a third of them held out', () => {
    const sum = (part?: string) =>
      figures
        .filter((one) => part === undefined || one.part === part)
        .reduce((all, { counts }) => all + counts.found + counts.missed + counts.wronged + counts.spared, 0);
    expect(sum()).toBeGreaterThanOrEqual(240);
    expect(sum('held-out') / sum()).toBeGreaterThan(0.3);
  });

  it.each(['leaks', 'actuation'])(
    '%s: nine of ten that are dropped should be, and eight of ten that should be are',
    (filter) => {
      for (const part of ['look', 'held-out']) {
        expect(of(filter, part)?.precision).toBeGreaterThanOrEqual(0.9);
        expect(of(filter, part)?.recall).toBeGreaterThanOrEqual(0.8);
      }
    },
  );

  it('depth: hollow reasoning is found, on texts that were looked at', () => {
    expect(of('depth', 'look')?.precision).toBeGreaterThanOrEqual(0.9);
    expect(of('depth', 'look')?.recall).toBeGreaterThanOrEqual(0.8);
  });

  it('counts every text once, and names those that are judged wrongly', () => {
    for (const { filter, part, counts, mistakes } of figures) {
      const texts = labelledTexts(filter, catalogue).filter((text) => text.part === part);
      expect(counts.found + counts.missed).toBe(texts.filter(({ drop }) => drop).length);
      expect(counts.wronged + counts.spared).toBe(texts.filter(({ drop }) => !drop).length);
      expect(mistakes).toHaveLength(counts.missed + counts.wronged);
      expect(texts.map(({ id }) => id)).toEqual(expect.arrayContaining([...mistakes]));
    }
  });
});
