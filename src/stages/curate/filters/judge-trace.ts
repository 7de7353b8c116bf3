import { FILTERS, type FilterName, type ObjectorName } from '../records.js';
import { actuation, functionKept } from './code.js';
import type { Candidate, Filter, FilterContext, Finding, Verdict } from './filter.js';
import { answer, code, finish, length, think } from './shape.js';
import { depth, giveaway, leak, refusal, repetition } from './text.js';

/** What looks at one trace by itself; duplicates, contamination, a parser and analysers need more than the trace and come after. */
const filters: Readonly<Record<Exclude<FilterName, 'duplicate' | 'contamination' | 'parse' | 'analysers'>, Filter>> = {
  finish,
  think,
  answer,
  refusal,
  code,
  leak,
  giveaway,
  depth,
  repetition,
  function: functionKept,
  actuation,
  length,
};

/** What every filter says of a trace, in their order; also those that are off, so that the report can tell what they would do. */
export type Verdicts = ReadonlyMap<ObjectorName, Verdict>;

/** `others`: the verdicts of the filters that need more than the trace. */
export function judgeTrace(
  candidate: Candidate,
  context: FilterContext,
  others: Readonly<Record<Exclude<FilterName, keyof typeof filters>, Verdict>>,
): Verdicts {
  const all = {
    ...others,
    ...Object.fromEntries(Object.entries(filters).map(([name, filter]) => [name, filter(candidate, context)])),
  };
  return new Map(FILTERS.map((name) => [name, (all as Readonly<Record<FilterName, Verdict>>)[name]]));
}

/** The first objection of a filter that is on. */
export function firstFinding(verdicts: Verdicts, on: ReadonlySet<ObjectorName>): Finding | undefined {
  for (const [name, verdict] of verdicts) if (on.has(name) && typeof verdict === 'object') return verdict;
  return undefined;
}
