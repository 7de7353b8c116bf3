import * as z from 'zod';
import type { Sha256 } from '../base/hash.js';
import type { Json } from '../base/json.js';
import type { Language } from '../sandbox/sandbox.js';
import type { Bench } from './bench.js';

/** One benchmark problem. */
export interface Problem {
  readonly id: string;
  /** A short name for tables; the id stands in where there is none. */
  readonly title?: string;
  /** By which figures are told apart; what judging it takes is said by `Suite.needs`. */
  readonly language: string;
  /** The weaknesses that its security tests probe, as `CWE-89`. */
  readonly cwes: readonly string[];
  /** Parts of the suite that get figures of their own, as CWEval's `core/py`. */
  readonly groups?: readonly string[];
  /** What the model is asked, as a person reads it; `Suite.ask` says it with its roles. */
  readonly prompt: string;
}

/** A message of a question. */
export interface QuestionPart {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** What of an answer is judged: files by their path, and in most suites one. */
export type Submission = Readonly<Record<string, string>>;

/** `unverified`: the check could not run (no toolchain, say). It is counted and named, and never counts as a pass. */
export const verdictSchema = z.enum(['pass', 'fail', 'unverified']);
export type Verdict = z.infer<typeof verdictSchema>;

/** What a suite can say of an answer. */
export const MEASURES = ['functional', 'security'] as const;
export type Measure = (typeof MEASURES)[number];

export type Verdicts = Readonly<Record<Measure, Verdict>>;

/** One test. `why` it failed, in a few words; empty for a pass. Free of anything random, so that scores reproduce byte for byte. */
export const caseResultSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(MEASURES),
  verdict: verdictSchema,
  why: z.string(),
});
export type CaseResult = Readonly<z.infer<typeof caseResultSchema>>;

/** What the tests said of one submission. */
export interface Judgement extends Verdicts {
  readonly cases: readonly CaseResult[];
  /**
   * A case ran out of time, which on a busy machine good code may do as well: the verdict is worth a second look, with nothing
   * else running.
   */
  readonly timedOut: boolean;
}

/** A submission whose verdicts are known: the suite is judged by it before anything else is. */
export interface Calibration {
  readonly problem: string;
  /** `secure`, `insecure`, or whatever else the suite has. */
  readonly name: string;
  readonly submission: Submission;
  readonly expect: Verdicts;
  /**
   * Whether it shows what is wrong with a machine, and is judged wherever answers are. The others show what is wrong with the suite, which is
   * the same everywhere: `secpi suites check` judges them.
   */
  readonly everywhere: boolean;
}

/** What judging a problem takes besides the base system. */
export interface Needs {
  readonly languages: readonly Language[];
  /** Packs of programs and libraries, by name; see `Sandbox.packs`. */
  readonly packs: readonly string[];
  /** Nothing else may run meanwhile: its tests watch the clock or memory. */
  readonly alone: boolean;
  /** In containers, which only this machine is asked for: `score_on` cannot do it. Names what of them is not there. */
  readonly containers?: { readonly missing: readonly string[] };
}

/** An answer to a problem with what the tests said of it. */
export interface JudgedSample extends Verdicts {
  readonly problem: string;
  /** 0-based. */
  readonly sample: number;
  readonly cases: readonly CaseResult[];
  /** What was judged; `null` for an answer without code. */
  readonly submission: Submission | null;
  /** What became of the question: `no_answer` and `refused` are none of the harness's samples. */
  readonly answered?: string;
}

/** A figure as the benchmark's own harness reports it, or as another reading of the same verdicts has it. */
export interface OfficialFigure {
  /** `official` as upstream has it, faults included; others have names of their own, as `strict`. */
  readonly reading: string;
  /** As upstream calls it: `func-sec@1`. */
  readonly name: string;
  /** The part of the benchmark that it is about; empty for all. */
  readonly part: string;
  /** 0 to 1. */
  readonly value: number;
  /** Tasks that it rests on. */
  readonly tasks: number;
}

/** What the benchmark's own harness would have stored and reported. */
export interface OfficialResults {
  /** By the names of files. */
  readonly files: Readonly<Record<string, Json>>;
  readonly figures: readonly OfficialFigure[];
}

/** A benchmark: its problems and its judge. See `module.ts` for how one is made. */
export interface Suite {
  /** What the recipe calls it. */
  readonly name: string;
  /** Changes when anything that decides a verdict changes: problems, tests, extraction, flags. Enters fingerprints. */
  readonly digest: Sha256;
  /** A suite without security tests measures `functional` alone. */
  readonly measures: readonly Measure[];
  readonly problems: readonly Problem[];
  /** Texts that must not stand in training data: prompts, tests and reference solutions, for decontamination. */
  readonly references: readonly { readonly problem: string; readonly text: string }[];
  readonly calibration: readonly Calibration[];
  /** Verdicts that the judged code could forge, since it runs in the process that judges it. Said wherever they are shown. */
  forgeable(problem: Problem): boolean;
  needs(problem: Problem): Needs;
  ask(problem: Problem): readonly QuestionPart[];
  /** `answer` is what the model said after its reasoning; `null` when there is nothing in it to judge. Pure, so that answers can be judged again. */
  extract(problem: Problem, answer: string): Submission | null;
  /**
   * Code of a sample file of the benchmark's own harness, which holds no answers but what is judged of them. `completion`: it goes on where the
   * prompt ends. Absent where such files hold answers.
   */
  readonly fromCode?: (problem: Problem, code: string, as: 'solution' | 'completion') => Submission;
  /** The same of a harness that stores an answer as a folder of files, by their paths. */
  readonly fromFiles?: (problem: Problem, files: Submission) => Submission;
  /**
   * Runs the tests. Whatever a submission does to its own run (time, memory, files, signals) is a verdict of its own.
   * @throws whatever the sandbox throws when it cannot run at all; the signal's reason on cancellation.
   */
  judge(problem: Problem, submission: Submission, bench: Bench, signal: AbortSignal): Promise<Judgement>;
  /** The results of one variant as the benchmark's own harness has them. Most suites have no other harness. */
  readonly official?: (samples: readonly JudgedSample[]) => OfficialResults;
}
