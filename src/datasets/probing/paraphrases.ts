import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { packageRoot } from '../../base/package-root.js';
import { ContaminationIndex } from '../contamination.js';
import type { ReferenceText } from '../reference-text.js';

/** How well the contamination check knows the paraphrases of the suite `mini` again. */
export interface ParaphraseFigures {
  /** `held-out`: written after the check, and only counted. */
  readonly part: 'look' | 'held-out';
  readonly texts: number;
  /** Taken for the problem that they paraphrase. */
  readonly found: number;
  /** Taken for another problem. */
  readonly confused: number;
  /** found / texts; `null` where there are none. */
  readonly recall: number | null;
  /** The problems whose paraphrases were missed, once for each. */
  readonly missed: readonly string[];
}

const listSchema = z.record(z.string(), z.array(z.string()));
const fileSchema = z.strictObject({ look: listSchema, held_out: listSchema });

/**
 * Measures the contamination check on `catalogue/labelled/paraphrases.yaml`.
 * @param references texts of `mini`, named `mini/<problem>`.
 */
export function measureParaphrases(references: Iterable<ReferenceText>): readonly ParaphraseFigures[] {
  const index = new ContaminationIndex(references);
  const path = join(packageRoot, 'catalogue', 'labelled', 'paraphrases.yaml');
  const file = fileSchema.parse(parse(readFileSync(path, 'utf8')));
  return (
    [
      ['look', file.look],
      ['held-out', file.held_out],
    ] as const
  ).map(([part, lists]) => {
    const texts = Object.entries(lists).flatMap(([problem, list]) =>
      list.map((text) => ({ problem, taken: index.find(text)?.reference })),
    );
    const found = texts.filter(({ problem, taken }) => taken === `mini/${problem}`).length;
    return {
      part,
      texts: texts.length,
      found,
      confused: texts.filter(({ problem, taken }) => taken !== undefined && taken !== `mini/${problem}`).length,
      recall: texts.length === 0 ? null : found / texts.length,
      missed: texts.filter(({ problem, taken }) => taken !== `mini/${problem}`).map(({ problem }) => problem),
    };
  });
}
