import type { Language, SandboxLimits } from './sandbox.js';

const MIB = 1024 * 1024;

/** What a run may use when its caller says nothing. */
const BASE: SandboxLimits = {
  wallSeconds: 10,
  cpuSeconds: 10,
  addressSpaceBytes: null,
  dataBytes: null,
  memoryBytes: 2048 * MIB,
  fileBytes: 64 * MIB,
  processes: 64,
  outputBytes: MIB,
};

/**
 * The limits of a run: the caller's, over those that fit its toolchain. Node and Go reserve terabytes of address space
 * that they never use, so their memory is limited by what they may write to (`dataBytes`). AddressSanitizer maps its
 * shadow writable: programs that an earlier run built get neither limit by default.
 */
export function limitsFor(toolchain: Language | null, given: Partial<SandboxLimits> = {}): SandboxLimits {
  return { ...BASE, ...(toolchain === null ? {} : BY_TOOLCHAIN[toolchain]), ...given };
}

/**
 * What Node maps for itself. Since Node 24 that is 512 MiB for the code of each isolate, which count as if they were used: this
 * is enough for the program and one worker thread.
 */
export const NODE_OWN_MIB = 1280;

const BY_TOOLCHAIN: Readonly<Record<Language, Partial<SandboxLimits>>> = {
  python: { addressSpaceBytes: 1024 * MIB },
  javascript: { dataBytes: (512 + NODE_OWN_MIB) * MIB },
  c: { wallSeconds: 30, cpuSeconds: 30, dataBytes: 2048 * MIB },
  cpp: { wallSeconds: 60, cpuSeconds: 60, dataBytes: 2048 * MIB },
  go: { wallSeconds: 120, cpuSeconds: 120, dataBytes: 2048 * MIB, processes: 256 },
};
