/** The real sandbox of this machine for tests; without bubblewrap they are skipped, and vitest counts them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe } from 'vitest';
import type { SandboxResult, SandboxRun } from '../../src/sandbox/sandbox.js';
import { findProgram } from '../../src/sandbox/toolchains.js';
import { hasMeans } from '../support/means.js';

const bubblewrap = findProgram('bwrap', '/usr/bin:/bin:/usr/local/bin');

export const describeSandbox = describe.skipIf(!hasMeans(bubblewrap !== null, 'there is no bubblewrap'));

/** A signal that is never aborted. */
export const never = new AbortController().signal;

export function python(program: string, more: Partial<SandboxRun> = {}): SandboxRun {
  return { toolchain: 'python', argv: ['python3', '-I', '-c', program], files: [], ...more };
}

export function exited(exitCode = 0): Partial<SandboxResult> {
  return { ending: { how: 'exited', exitCode } };
}

/** The ids of live processes with a word in their command line. */
export function processesWith(word: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}
