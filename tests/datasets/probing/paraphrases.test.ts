import { expect, it } from 'vitest';
import { measureParaphrases } from '../../../src/datasets/probing/paraphrases.js';
import { loadMini } from '../../support/mini.js';

it('knows eight of ten paraphrases of the suite again, also of those that are held out, and takes none for another', async () => {
  const mini = await loadMini();
  const figures = measureParaphrases(
    mini.references.map(({ problem, text }) => ({ reference: `mini/${problem}`, text })),
  );
  expect(figures.map(({ part }) => part)).toEqual(['look', 'held-out']);
  expect(figures[0]?.texts).toBeGreaterThanOrEqual(60);
  for (const { recall, confused } of figures) {
    expect(recall).toBeGreaterThanOrEqual(0.8);
    expect(confused).toBe(0);
  }
});
