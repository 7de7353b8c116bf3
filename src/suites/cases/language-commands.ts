import { NODE_OWN_MIB } from '../../sandbox/limits.js';
import type { Language, SandboxLimits } from '../../sandbox/sandbox.js';

const MIB = 1024 * 1024;

/** What the sanitizers exit with: no program is asked to, so a caught memory error never passes for an ordinary exit. */
export const SANITIZER_EXIT_CODE = 86;

/** One command in the sandbox. Everything here decides verdicts, so it is hashed into a suite's digest. */
export interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Partial<SandboxLimits>;
}

export interface LanguageCommands {
  /** Makes `program` out of the two files; `null` for a language that needs no building. */
  readonly build: (Command & { readonly files: Readonly<Record<string, string>> }) | null;
  /** Runs one case; its arguments are appended. */
  readonly run: Command;
}

/** The file that a build makes. */
export const PROGRAM = 'program';

/**
 * How code in a language is built and run. Of its files the first is the problem's own with the main function; what the others are
 * tells their extension. Memory is limited by whatever the language bears: the address space (Python), writable memory (Node, Go), the
 * resident size (AddressSanitizer maps terabytes).
 */
export function commandsFor(
  language: Language,
  [entry, ...others]: readonly [string, ...string[]],
  limits: { readonly wallSeconds: number; readonly memoryMib: number },
): LanguageCommands {
  const { wallSeconds, memoryMib } = limits;
  // Well above the wall clock: an endless loop always ends the same way, whatever the number of its threads.
  const cpuSeconds = Math.ceil(wallSeconds) * 4;
  const run = (
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    memory: Partial<Pick<SandboxLimits, 'addressSpaceBytes' | 'dataBytes'>>,
  ): Command => ({
    argv,
    env: { TZ: 'UTC', LC_ALL: 'C.UTF-8', ...env },
    limits: {
      wallSeconds,
      cpuSeconds,
      memoryBytes: (memoryMib + OWN_MIB) * MIB,
      addressSpaceBytes: null,
      dataBytes: null,
      ...memory,
    },
  });
  const units = (extension: string) => [entry, ...others.filter((name) => name.endsWith(extension)), '-lm'];
  switch (language) {
    case 'python':
      return {
        build: null,
        run: run(['python3', entry], { PYTHONHASHSEED: '0' }, { addressSpaceBytes: memoryMib * MIB }),
      };
    case 'javascript':
      return {
        build: null,
        run: run(
          ['node', `--max-old-space-size=${memoryMib}`, entry],
          {},
          { dataBytes: (memoryMib + NODE_OWN_MIB) * MIB },
        ),
      };
    case 'c':
      return { build: compile(['gcc', '-std=c17', ...C_FLAGS, ...units('.c')]), run: sanitized() };
    case 'cpp':
      return { build: compile(['g++', '-std=c++20', ...C_FLAGS, ...units('.cpp')]), run: sanitized() };
    case 'go':
      return {
        build: compile(['go', 'build', '-o', PROGRAM, '.'], { 'go.mod': 'module solution\n\ngo 1.21\n' }),
        run: run([`./${PROGRAM}`], { GOTRACEBACK: 'none' }, { dataBytes: (memoryMib + GO_OWN_MIB) * MIB }),
      };
  }
  function sanitized(): Command {
    return run([`./${PROGRAM}`], { ASAN_OPTIONS: sanitizerOptions(memoryMib), UBSAN_OPTIONS: UBSAN_OPTIONS }, {});
  }
}

/** What a language's own runtime holds, and what a program has written, beside the problem's memory. */
const OWN_MIB = 256;

/** What Go's runtime maps for itself: stacks of its threads, code, the garbage collector's books. */
const GO_OWN_MIB = 128;

const C_FLAGS = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-o', PROGRAM];

/**
 * Leaks are not looked for (the leak checker traces its own process, which a sandbox forbids). A failing allocation gives
 * a null pointer as it does in production, so that a program which handles it passes.
 */
function sanitizerOptions(memoryMib: number): string {
  return [
    'detect_leaks=0',
    'allocator_may_return_null=1',
    'detect_stack_use_after_return=1',
    'symbolize=0',
    `hard_rss_limit_mb=${memoryMib}`,
    `exitcode=${SANITIZER_EXIT_CODE}`,
  ].join(':');
}

const UBSAN_OPTIONS = `halt_on_error=1:symbolize=0:exitcode=${SANITIZER_EXIT_CODE}`;

function compile(argv: readonly string[], files: Readonly<Record<string, string>> = {}) {
  // CGO_ENABLED is for Go: without it no C compiler is asked for, and the program needs no library to run.
  return { argv, env: { LC_ALL: 'C.UTF-8', CGO_ENABLED: '0' }, limits: { wallSeconds: 120, cpuSeconds: 240 }, files };
}
