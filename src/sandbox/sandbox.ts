/**
 * Running code that nobody trusts: model answers and their tests. A run sees an empty environment, a minimal read-only
 * root, one private work folder, no network and hard limits. Every run starts from nothing and leaves nothing behind.
 */

/** A file put into the run's work folder before it starts. That folder is the run's current folder and its $HOME. */
export interface SandboxFile {
  /** Relative to the work folder, with forward slashes. */
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly executable?: boolean;
}

export interface SandboxLimits {
  /** Wall clock; the whole process group is killed when it is over. */
  readonly wallSeconds: number;
  /** Per process. */
  readonly cpuSeconds: number;
  /** Per process. `null`: no address-space limit (AddressSanitizer, Node and Go reserve far more than they use). */
  readonly addressSpaceBytes: number | null;
  /** Per process: private memory that can be written (RLIMIT_DATA). Works for Node and Go; AddressSanitizer needs `null`. */
  readonly dataBytes: number | null;
  /** All processes of the run and all that it has written together; see `memory` of the sandbox's level. */
  readonly memoryBytes: number;
  /** The largest file that can be written, and that is read back. */
  readonly fileBytes: number;
  /** Processes and threads of the run together. */
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
  /** Packs to show inside, by name. */
  readonly packs?: readonly string[];
  readonly files: readonly SandboxFile[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<SandboxLimits>;
  /** Files to read back from the work folder afterwards; links, devices and oversized files are refused. */
  readonly collect?: readonly string[];
  /** Processes of the run may trace each other, as LeakSanitizer does. Only for runs that need it. */
  readonly trace?: boolean;
}

/**
 * How a run ended. Exactly one of these; `exited` alone says nothing about success. `timed-out` is the wall clock or the
 * CPU budget; `memory-limit` is memory, or files without number. A program that exits with 128 + n is reported as ended by signal n.
 */
export type SandboxEnding =
  | { readonly how: 'exited'; readonly exitCode: number }
  | { readonly how: 'signalled'; readonly signal: string }
  | { readonly how: 'timed-out' }
  | { readonly how: 'output-limit' }
  | { readonly how: 'memory-limit' };

/** A file read back: its bytes, or why there are none. */
export type CollectedFile =
  | { readonly bytes: Uint8Array }
  | { readonly missing: 'absent' | 'not-a-file' | 'too-large' | 'unreadable' };

export interface SandboxResult {
  readonly ending: SandboxEnding;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  readonly seconds: number;
  readonly collected: Readonly<Record<string, CollectedFile>>;
}

/** From the strictest. */
export const MEMORY_KEEPERS = ['cgroup', 'watched', 'per-process'] as const;
export type MemoryKeeper = (typeof MEMORY_KEEPERS)[number];

/** One of a level's notes: where it is missing, what runs cannot undo that it is ended first. */
export const MAY_END_LATER = 'code may choose that something else ends first when the machine runs out of memory';

/** What stands between the code and the machine; recorded with every score. */
export interface SandboxLevel {
  /** `none` only when the recipe says so in words. */
  readonly kind: 'bubblewrap' | 'none';
  readonly version: string;
  readonly network: 'none' | 'host';
  readonly seccomp: boolean;
  readonly unprivileged: boolean;
  /** Who holds a run to its memory: the kernel (a cgroup), secpi by looking again and again, or nobody, and each process has limits of its own. */
  readonly memory: MemoryKeeper;
  /** Plain words on what is limited and what is not, e.g. "kernel shared with the host". */
  readonly notes: readonly string[];
}

export interface Sandbox {
  readonly level: SandboxLevel;
  /** Toolchain versions by language; a language that is missing here cannot be scored and must be counted as unverified. */
  readonly toolchains: Readonly<Partial<Record<Language, string>>>;
  /** Identities of the packs of programs and libraries that somebody set up here, by name; see `packs.ts`. */
  readonly packs: Readonly<Record<string, string>>;
  /**
   * Runs a program and reads back what was asked for. Any number of runs may be under way at once.
   *
   * @throws the signal's reason when aborted; SecpiError `sandbox/no-toolchain`, `sandbox/no-pack`, `sandbox/bad-path`, `sandbox/not-filled`, `sandbox/start-failed`.
   */
  run(run: SandboxRun, signal: AbortSignal): Promise<SandboxResult>;
  /**
   * Does the slow one-time work of a language before its first run (Go: half a minute to compile its standard library
   * into a cache); otherwise that run waits for it. The wall clock of a run does not count it.
   */
  prepare(language: Language): Promise<void>;
}

/** A sandbox that may have to be let go of. */
export interface HeldSandbox extends Sandbox, AsyncDisposable {}
