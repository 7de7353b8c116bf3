import type { Catalogue } from '../../security/catalogue.js';
import {
  LABELLED_FILTERS,
  LABELLED_PARTS,
  type LabelledFilter,
  type LabelledPart,
  type LabelledText,
  labelledTexts,
} from '../../security/probing/labelled-texts.js';
import { actuation } from './filters/code.js';
import type { Verdict } from './filters/filter.js';
import { depth, giveaway, leak } from './filters/text.js';
import { curateParams } from './params.js';

/** How a filter does on the labelled texts of one part. What it drops counts as found. */
export interface FilterFigures<Name extends string = string> {
  /** `leaks`, `depth`, `actuation`, or `leaks, giveaway` for both together; of a judge `judge, leaks` and `judge, depth`. */
  readonly filter: Name;
  readonly part: LabelledPart;
  readonly counts: {
    /** Dropped, and rightly so. */
    readonly found: number;
    /** Kept, but it should have been dropped. */
    readonly missed: number;
    /** Dropped, but it should have been kept. */
    readonly wronged: number;
    /** Kept, and rightly so. */
    readonly spared: number;
    /** Of `missed` and `spared` those of which the filter could say nothing. */
    readonly unverified: number;
  };
  /** found / (found + wronged); `null` where nothing was dropped. */
  readonly precision: number | null;
  /** found / (found + missed); `null` where nothing had to be dropped. */
  readonly recall: number | null;
  /** The texts that were judged wrongly, by their ids. */
  readonly mistakes: readonly string[];
}

const filters = { leaks: leak, depth, actuation };

/** Both filters that look for leaks, as a recipe has them that switches the second one on. */
const BOTH = 'leaks, giveaway';
export type MeasuredFilter = LabelledFilter | typeof BOTH;

/**
 * Measures the filters that read traces and answers on the texts that were written for it (`catalogue/labelled/`): one entry for each filter
 * and part. Asks no model.
 */
export function measureFilters(catalogue: Catalogue): readonly FilterFigures<MeasuredFilter>[] {
  return LABELLED_FILTERS.flatMap((filter) => {
    const judged = labelledTexts(filter, catalogue).map((text) => ({
      text,
      verdict: filters[filter](candidateOf(text), { catalogue }),
    }));
    const figures: readonly FilterFigures<MeasuredFilter>[] = figuresByPart(filter, judged);
    return filter === 'leaks' ? [...figures, ...figuresByPart(BOTH, withGiveaway(judged))] : figures;
  });
}

/** Only texts that were held out: it was learnt from the others. */
function withGiveaway(judged: readonly Judged[]): readonly Judged[] {
  const params = curateParams.parse({});
  return judged
    .filter(({ text }) => text.part === 'held-out')
    .map(({ text, verdict }) => ({
      text,
      verdict: verdict === 'pass' ? giveaway(candidateOf(text), { params }) : verdict,
    }));
}

/** One entry for each part that has texts. */
export function figuresByPart<Name extends string>(
  filter: Name,
  judged: readonly Judged[],
): readonly FilterFigures<Name>[] {
  return LABELLED_PARTS.flatMap((part) => {
    const ofPart = judged.filter(({ text }) => text.part === part);
    return ofPart.length === 0 ? [] : [figuresOf(filter, part, ofPart)];
  });
}

interface Judged {
  readonly text: LabelledText;
  readonly verdict: Verdict;
}

/** The text as a trace: reasoning, or the code of an answer. */
function candidateOf({ text, prompt, language, cwes }: LabelledText) {
  return { trace: { task: { prompt, language, cwes: [...cwes] }, reasoning: text, answer: '' }, code: text };
}

function figuresOf<Name extends string>(
  filter: Name,
  part: LabelledPart,
  texts: readonly Judged[],
): FilterFigures<Name> {
  const isDropped = (verdict: Verdict) => typeof verdict === 'object';
  const number = (drop: boolean, dropped: boolean) =>
    texts.filter(({ text, verdict }) => text.drop === drop && isDropped(verdict) === dropped).length;
  const [found, missed, wronged, spared] = [
    number(true, true),
    number(true, false),
    number(false, true),
    number(false, false),
  ];
  const unverified = texts.filter(({ verdict }) => verdict === 'unverified').length;
  return {
    filter,
    part,
    counts: { found, missed, wronged, spared, unverified },
    precision: found + wronged === 0 ? null : found / (found + wronged),
    recall: found + missed === 0 ? null : found / (found + missed),
    mistakes: texts.filter(({ text, verdict }) => text.drop !== isDropped(verdict)).map(({ text }) => text.id),
  };
}
