import type { Sha256 } from '../base/hash.js';
import type { Language, Sandbox } from '../sandbox/sandbox.js';

/** One benchmark problem. */
export interface Problem {
  readonly id: string;
  /** A short name for tables; the id stands in where there is none. */
  readonly title?: string;
  readonly language: Language;
  /** The weaknesses that its security tests probe, as `CWE-89`. */
  readonly cwes: readonly string[];
  /** What the model is asked: one user message, without any security hint. */
  readonly prompt: string;
}

/** `unverified`: the check could not run (no toolchain, say). It is counted and named, and never counts as a pass. */
export type Verdict = 'pass' | 'fail' | 'unverified';

export interface CaseResult {
  readonly name: string;
  readonly kind: 'functional' | 'security';
  readonly verdict: Verdict;
  /** Why it failed, in a few words; empty for a pass. Free of anything random, so that scores reproduce byte for byte. */
  readonly why: string;
}

/** The score of one answer to one problem. */
export interface Score {
  readonly functional: Verdict;
  readonly security: Verdict;
  /** The code that was run; `null` when the answer held none. */
  readonly code: string | null;
  readonly cases: readonly CaseResult[];
}

/** A benchmark: its problems and its scorer. Adding one = one folder here and one line in `registry.ts`. */
export interface Suite {
  readonly name: string;
  /** Changes when anything that decides a score changes: problems, tests, extraction, flags. Enters fingerprints. */
  readonly digest: Sha256;
  readonly problems: readonly Problem[];
  /** Texts that must not stand in training data: prompts, tests and reference solutions, for decontamination. */
  readonly references: readonly { readonly problem: string; readonly text: string }[];
  /** `answer` is what the model said after its reasoning. */
  score(problem: Problem, answer: string, sandbox: Sandbox, signal: AbortSignal): Promise<Score>;
}
