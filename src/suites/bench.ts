import { type Sha256, sha256Json } from '../base/hash.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxFacts } from '../sandbox/sandbox-facts.js';

/** Where submissions are judged. */
export interface Bench {
  /** What of it decides verdicts: isolation, filter, versions of toolchains and packs. Enters fingerprints and the key of kept verdicts. */
  readonly id: Sha256;
  readonly sandbox: Sandbox;
}

/** A sandbox as a place to judge in. */
export function benchOf(sandbox: Sandbox): Bench {
  return { id: benchId(sandbox), sandbox };
}

/** `Bench.id` of a sandbox that nobody has to open for it. */
export function benchId({ level, toolchains, packs }: SandboxFacts): Sha256 {
  const { kind, seccomp } = level;
  return sha256Json({ level: { kind, seccomp }, toolchains: { ...toolchains }, packs: { ...packs } });
}
