import type { Catalogue } from '../catalogue.js';
import { traceMessages } from '../prompts/trace-prompt.js';
import { depthOf } from '../texts/depth.js';
import { evidenceIn } from '../texts/evidence.js';
import { promptLeak } from '../texts/leak.js';
import {
  LABELLED_FILTERS,
  LABELLED_PARTS,
  type LabelledFilter,
  type LabelledPart,
  type LabelledText,
  labelledTexts,
} from './labelled-texts.js';

/** How a filter does on the labelled texts of one part. What it drops counts as found. */
export interface FilterFigures {
  readonly filter: LabelledFilter;
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

type Judgement = 'drop' | 'keep' | 'unverified';

/** What each filter does with a text, as the curate stage has it do. */
const judges: Readonly<Record<LabelledFilter, (text: LabelledText, catalogue: Catalogue) => Judgement>> = {
  leaks({ text, prompt, language, cwes }, catalogue) {
    const { guidance } = traceMessages({ prompt, language }, cwes, catalogue);
    return promptLeak(text, guidance, prompt) === undefined ? 'keep' : 'drop';
  },
  depth: ({ text, cwes }, catalogue) => (depthOf(text, cwes, catalogue).sound ? 'keep' : 'drop'),
  actuation({ text, language, cwes }, catalogue) {
    const verdicts = evidenceIn(text, language, cwes, catalogue).map(({ verdict }) => verdict);
    if (verdicts.includes('contradicted') || verdicts.includes('absent')) return 'drop';
    return verdicts.includes('shown') ? 'keep' : 'unverified';
  },
};

/**
 * Measures the filters that read traces and answers on the texts that were written for it (`catalogue/labelled/`): a list with one entry for
 * each filter and part. Pure and quick (well under a second); asks no model.
 */
export function measureFilters(catalogue: Catalogue): readonly FilterFigures[] {
  return LABELLED_FILTERS.flatMap((filter) => {
    const texts = labelledTexts(filter, catalogue).map((text) => ({ text, judged: judges[filter](text, catalogue) }));
    return LABELLED_PARTS.map((part) =>
      figuresOf(
        filter,
        part,
        texts.filter(({ text }) => text.part === part),
      ),
    );
  });
}

function figuresOf(
  filter: LabelledFilter,
  part: LabelledPart,
  texts: readonly { readonly text: LabelledText; readonly judged: Judgement }[],
): FilterFigures {
  const number = (drop: boolean, ...judged: readonly Judgement[]) =>
    texts.filter((one) => one.text.drop === drop && judged.includes(one.judged)).length;
  const found = number(true, 'drop');
  const missed = number(true, 'keep', 'unverified');
  const wronged = number(false, 'drop');
  return {
    filter,
    part,
    counts: {
      found,
      missed,
      wronged,
      spared: number(false, 'keep', 'unverified'),
      unverified: number(true, 'unverified') + number(false, 'unverified'),
    },
    precision: found + wronged === 0 ? null : found / (found + wronged),
    recall: found + missed === 0 ? null : found / (found + missed),
    mistakes: texts.filter(({ text, judged }) => text.drop !== (judged === 'drop')).map(({ text }) => text.id),
  };
}
