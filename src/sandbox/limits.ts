import type { Language, SandboxLimits } from './sandbox.js';

const MIB = 1024 * 1024;

/** What a run may use when its caller says nothing. */
const BASE: SandboxLimits = {
  wallSeconds: 10,
  cpuSeconds: 10,
  addressSpaceBytes: null,
  fileBytes: 64 * MIB,
  processes: 64,
  outputBytes: MIB,
};

/**
 * The limits of a run: the caller's, over those that fit its toolchain. Programs built with AddressSanitizer, Node and
 * Go reserve terabytes of address space that they never use, so only Python gets an address-space limit by default.
 */
export function limitsFor(toolchain: Language | null, given: Partial<SandboxLimits> = {}): SandboxLimits {
  return { ...BASE, ...(toolchain === null ? {} : BY_TOOLCHAIN[toolchain]), ...given };
}

const BY_TOOLCHAIN: Readonly<Record<Language, Partial<SandboxLimits>>> = {
  python: { addressSpaceBytes: 1024 * MIB },
  javascript: {},
  c: { wallSeconds: 30, cpuSeconds: 30 },
  cpp: { wallSeconds: 60, cpuSeconds: 60 },
  go: { wallSeconds: 120, cpuSeconds: 120, processes: 256 },
};
