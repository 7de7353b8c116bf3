/**
 * Running code that nobody trusts: model answers and their tests. A run sees an empty environment, a minimal read-only
 * root, one private work folder, no network and hard limits. Every run starts from nothing and leaves nothing behind.
 */

/** A file put into the run's work folder before it starts. */
export interface SandboxFile {
  /** Relative to the work folder, with forward slashes. */
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly executable?: boolean;
}

export interface SandboxLimits {
  /** Wall clock; the whole process group is killed when it is over. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** `null`: no address-space limit (AddressSanitizer, Node and Go reserve far more than they use). */
  readonly addressSpaceBytes: number | null;
  readonly fileBytes: number;
  readonly processes: number;
  /** Per stream; what goes beyond is cut and the run is killed. */
  readonly outputBytes: number;
}

/** The languages whose toolchains a sandbox can offer. */
export const LANGUAGES = ['python', 'javascript', 'c', 'cpp', 'go'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface SandboxRun {
  /** Which toolchain to show inside; `null` for a program that an earlier run built. */
  readonly toolchain: Language | null;
  /** argv[0] is looked up inside the sandbox. Never a shell string. */
  readonly argv: readonly string[];
  readonly files: readonly SandboxFile[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<SandboxLimits>;
  /** Files to read back from the work folder afterwards; links, devices and oversized files are refused. */
  readonly collect?: readonly string[];
}

/** How a run ended. Exactly one of these; `exited` alone says nothing about success. */
export type SandboxEnding =
  | { readonly how: 'exited'; readonly exitCode: number }
  | { readonly how: 'signalled'; readonly signal: string }
  | { readonly how: 'timed-out' }
  | { readonly how: 'output-limit' };

/** A file read back: its bytes, or why there are none. */
export type CollectedFile =
  | { readonly bytes: Uint8Array }
  | { readonly missing: 'absent' | 'not-a-file' | 'too-large' };

export interface SandboxResult {
  readonly ending: SandboxEnding;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  readonly seconds: number;
  readonly collected: Readonly<Record<string, CollectedFile>>;
}

/** What stands between the code and the machine; recorded with every score. */
export interface SandboxLevel {
  /** `none` only when the recipe says so in words. */
  readonly kind: 'bubblewrap' | 'none';
  readonly version: string;
  readonly network: 'none' | 'host';
  readonly seccomp: boolean;
  readonly unprivileged: boolean;
  /** Plain words on what is limited and what is not, e.g. "memory limit: per process". */
  readonly notes: readonly string[];
}

export interface Sandbox {
  readonly level: SandboxLevel;
  /** Toolchain versions by language; a language that is missing here cannot be scored and must be counted as unverified. */
  readonly toolchains: Readonly<Partial<Record<Language, string>>>;
  run(run: SandboxRun, signal: AbortSignal): Promise<SandboxResult>;
}
