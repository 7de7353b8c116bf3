import * as z from 'zod';
import { namesAnalysers } from './analysers/open.js';
import { analysersParams } from './analysers/params.js';
import { judgeParams } from './judge/params.js';
import { mixParams } from './mix/params.js';
import { FILTERS, type FilterName, OBJECTORS, type ObjectorName } from './records.js';

const count = z.number().int().positive();

export const curateParams = z.strictObject({
  /**
   * Which filters are on. `shape`: what any training data needs, and all that suits the traces of a teacher that was not told which weaknesses
   * matter (`trace.prompt`). `minimal`: and no leaks of the teacher's guidance. `strict`: and code that has what the task names, and that shows
   * what prevents the weakness. `giveaway` (nothing sounds as if somebody had pointed the way) and `depth` (the reasoning names something that
   * prevents a weakness) are on only where `filters` says so: they drop sound traces, too.
   */
  profile: z.enum(['minimal', 'shape', 'strict']).default('minimal'),
  /** Switches single filters on or off, whatever the profile says: `{ leak: false, actuation: true }`. */
  filters: z.partialRecord(z.enum(FILTERS), z.boolean()).default({}),
  /**
   * From what score on a passage counts as one that gives the guidance away, for the filter `giveaway`: lower finds more of them, and drops more that is
   * sound. About 1 is what was learnt as a leak, -1 what was learnt as none.
   */
  giveaway_score: z.number().min(-2).max(2).default(0.2),
  /**
   * A model that is asked about each trace that the filters let through: whether its words give away that somebody told the teacher what to
   * look for, and whether a weakness is thought through. Default: none.
   */
  judge: judgeParams.optional(),
  /**
   * Programs that look for weaknesses in the code of every answer, without running it. A finding of a rule for one of the task's weaknesses drops the
   * trace, unless `filters: { analysers: false }` only has it counted. Default: none.
   */
  analysers: analysersParams.optional(),
  min_reasoning_characters: z.number().int().nonnegative().default(200),
  min_answer_characters: z.number().int().nonnegative().default(8),
  /** Reasoning and answer together. Tokens are counted later, when the target's tokenizer is at hand. */
  max_characters: count.default(64_000),
  /** Reasoning that is so many times shorter or longer than the median of its source is dropped, e.g. `[0.2, 3]`; default: any length is fine. */
  length_band: z.tuple([z.number().nonnegative(), z.number().positive()]).optional(),
  /** Of the samples of one task so many are kept: those of whose code most is known to be right, then the shortest; default: all. */
  best_of: count.optional(),
  /** At most so many samples of each kind; which ones stay is decided by their content, not by their place. Default: all. */
  cap: z
    .strictObject({
      /** A sample with several weaknesses counts for each. */
      per_cwe: count.optional(),
      /** Of each programming language. */
      per_language: count.optional(),
      /** Of each source under `collect.sources`. */
      per_source: count.optional(),
    })
    .optional(),
  /**
   * Ordinary samples that somebody else made, as a share of all: what keeps a model from forgetting the rest, and from thinking about security where it
   * should not. Default: none.
   */
  mix: mixParams.optional(),
  /** Suites whose problems must not stand in the samples; default: what `collect.decontaminate` names. */
  decontaminate: z.array(z.string()).optional(),
  /**
   * Samples that hold something of a suite under `evaluate`, once all filters have looked: `stop` ends the run before anything is trained, `report`
   * goes on, and the report says so at its top.
   */
  on_contamination: z.enum(['stop', 'report']).default('stop'),
});
export type CurateParams = z.infer<typeof curateParams>;

/** With what the pipeline adds about the rest of the recipe. */
export const curateStageParams = curateParams.extend({
  /** The suites under `evaluate`. */
  evaluated: z.array(z.string()),
});
export type CurateStageParams = z.infer<typeof curateStageParams>;

const SHAPE: readonly FilterName[] = [
  'finish',
  'think',
  'answer',
  'refusal',
  'code',
  'parse',
  'repetition',
  'length',
  'duplicate',
  'contamination',
];
const PROFILES: Readonly<Record<CurateParams['profile'], readonly FilterName[]>> = {
  shape: SHAPE,
  minimal: [...SHAPE, 'leak'],
  strict: FILTERS.filter((name) => !['giveaway', 'depth', 'analysers'].includes(name)),
};

/** What there is to look at traces: every filter, analysers and a judge where the recipe names them. */
export function objectorsThere({ analysers, judge }: CurateParams): readonly ObjectorName[] {
  const absent = [...(namesAnalysers(analysers) ? [] : ['analysers']), ...(judge === undefined ? ['judge'] : [])];
  return OBJECTORS.filter((name) => !absent.includes(name));
}

/** The filters that a recipe switches on, analysers and a judge if it names them. */
export function filtersOn(params: CurateParams): ReadonlySet<ObjectorName> {
  const { profile, filters } = params;
  const isOn = (name: ObjectorName) =>
    name === 'judge' || (filters[name] ?? (name === 'analysers' || PROFILES[profile].includes(name)));
  return new Set(objectorsThere(params).filter(isOn));
}
