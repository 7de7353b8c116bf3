/**
 * What the sandbox costs per run. Peers, in the same run: the bare process, and bubblewrap with nothing but namespaces, which
 * is the limit of what a sandbox built on it can reach.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { median } from '../src/base/median.js';
import { openSandbox } from '../src/sandbox/open-sandbox.js';
import type { Language } from '../src/sandbox/sandbox.js';
import { line, rounded, secondsOf } from './measure.js';

const REPETITIONS = 25;
/** The interpreters that the sandbox shows: what stands before them in $PATH (version managers) would be measured otherwise. */
const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;

const programs: readonly { readonly language: Language; readonly argv: readonly [string, ...string[]] }[] = [
  { language: 'python', argv: ['python3', '-I', '-c', 'print(1)'] },
  { language: 'javascript', argv: ['node', '-e', 'console.log(1)'] },
];

async function bare(argv: readonly string[]): Promise<void> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { stdio: 'ignore', env: { PATH } });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
}

const sandbox = await openSandbox({ path: PATH });
const { signal } = new AbortController();
process.stdout.write(`${sandbox.level.kind} ${sandbox.level.version}, median of ${REPETITIONS} runs each\n`);

for (const { language, argv } of programs) {
  if (sandbox.toolchains[language] === undefined) {
    process.stdout.write(`${language}: no toolchain here, not measured\n`);
    continue;
  }
  const sandboxed = async (): Promise<void> => {
    const { ending, stderr } = await sandbox.run({ toolchain: language, argv, files: [] }, signal);
    if (ending.how !== 'exited' || ending.exitCode !== 0) throw new Error(`${argv.join(' ')} failed inside: ${stderr}`);
  };
  const contenders: readonly (readonly [string, () => Promise<void>])[] = [
    [`${language}, bare process`, () => bare(argv)],
    [
      `${language}, bubblewrap with namespaces only (limit)`,
      () =>
        bare(['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--dev', '/dev', '--', ...argv]),
    ],
    [`${language}, secpi's sandbox`, sandboxed],
  ];
  for (const [, run] of contenders) await run();
  const seconds = contenders.map(() => [] as number[]);
  // In turns, so that a busy minute hits everybody.
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    for (const [index, [, run]] of contenders.entries()) seconds[index]?.push(await secondsOf(run));
  }
  const medians = seconds.map(median);
  for (const [index, [name]] of contenders.entries()) {
    const value = medians[index] ?? 0;
    line(name, `${rounded(value * 1000)} ms`, `${rounded(value / (medians[0] ?? 1))} × bare`);
  }
}
