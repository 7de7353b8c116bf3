import { type FencedBlock, fencedBlocks } from '../../../suites/answers/fenced-blocks.js';
import type { SuiteTexts } from '../../decontamination.js';
import type { Answered, FiltersOfAnswers, Finding, Verdict } from '../filters/filter.js';
import { answer, length, think } from '../filters/shape.js';
import { refusal, repetition } from '../filters/text.js';
import type { FilterName, ObjectorName, Sample } from '../records.js';
import { contaminated } from '../sift.js';
import { readCode } from '../syntax/read-code.js';

interface Row {
  readonly trace: Answered;
  readonly blocks: readonly FencedBlock[];
  readonly sample: Sample;
}

export interface MixSieve extends FiltersOfAnswers {
  readonly contamination: SuiteTexts;
  readonly on: ReadonlySet<ObjectorName>;
}

/**
 * What looks at a row of the mix, in the order of all filters: what any training data needs. Not how a teacher ended, which no row says, nor that
 * there is code, which a proof needs none of.
 */
const looks: readonly (readonly [FilterName, (row: Row, sieve: MixSieve) => Verdict | Promise<Verdict>])[] = [
  ['think', think],
  ['answer', answer],
  ['refusal', refusal],
  ['parse', ({ blocks, trace }) => readCode(blocks, trace.task.language)],
  ['repetition', repetition],
  ['length', length],
  ['contamination', ({ sample }, { contamination }) => contaminated(sample, contamination)],
];

/** Why a row of the mix is not trained on; `undefined` when nothing that is switched on objects. */
export async function objectionTo(trace: Answered, sample: Sample, sieve: MixSieve): Promise<Finding | undefined> {
  const row = { trace, sample, blocks: fencedBlocks(trace.answer) };
  for (const [name, look] of looks) {
    const verdict = sieve.on.has(name) ? await look(row, sieve) : 'pass';
    if (typeof verdict === 'object') return verdict;
  }
  return undefined;
}
