import type { Catalogue } from '../../../security/catalogue.js';
import type { FencedBlock } from '../../../suites/answers/fenced-blocks.js';
import type { Trace } from '../../trace/records.js';
import type { CurateParams } from '../params.js';
import type { CurateReason } from '../records.js';

/** Why a trace is dropped, with the evidence. */
export interface Finding {
  readonly code: CurateReason;
  readonly detail: string;
}

/** `unverified`: it could not be looked at. The trace is kept, and counted as that: it is never a pass. */
export type Verdict = 'pass' | 'unverified' | Finding;

/** A task with reasoning and an answer, whoever wrote them. */
export type Answered = Pick<Trace, 'reasoning' | 'answer'> & {
  readonly task: Omit<Trace['task'], 'confidence' | 'reason'>;
};

/** A trace, and what several filters need of it. */
export interface Candidate {
  readonly trace: Trace;
  /** All fenced blocks of the answer. */
  readonly blocks: readonly FencedBlock[];
  /** The program that the answer gives; empty when there is none. */
  readonly code: string;
  /** Characters of the code of all samples of the task, in ascending order; this one's among them. */
  readonly siblings: readonly number[];
}

export interface FilterContext {
  readonly params: CurateParams;
  readonly catalogue: Catalogue;
  /** Median characters of reasoning, by source. */
  readonly usualLength: ReadonlyMap<string, number>;
}

/** What those filters need that look at texts whoever wrote them. */
export type FiltersOfAnswers = Pick<FilterContext, 'params' | 'usualLength'>;
export type AnswerFilter = (candidate: { readonly trace: Answered }, context: FiltersOfAnswers) => Verdict;

/** What looks at one trace by itself. */
export type Filter = (candidate: Candidate, context: FilterContext) => Verdict;
