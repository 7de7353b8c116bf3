import { type Sha256, sha256Json } from '../base/hash.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxFacts } from '../sandbox/sandbox-facts.js';

/** Where submissions are judged. */
export interface Bench {
  readonly sandbox: Sandbox;
}

/** A sandbox as a place to judge in. */
export function benchOf(sandbox: Sandbox): Bench {
  return { sandbox };
}

/**
 * What of a bench decides verdicts: isolation, filter, versions of toolchains, and of those packs that judging takes. Enters fingerprints and the
 * key of kept verdicts. Of other packs it knows nothing: setting up one suite leaves the verdicts of another as they are.
 */
export function benchId({ level, toolchains, packs }: SandboxFacts, needed: readonly string[]): Sha256 {
  const { kind, seccomp } = level;
  const own = Object.fromEntries(Object.entries(packs).filter(([name]) => needed.includes(name)));
  return sha256Json({ level: { kind, seccomp }, toolchains: { ...toolchains }, packs: own });
}
