import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clip } from '../../../base/clip.js';
import { SecpiError } from '../../../base/errors.js';
import { startProcess } from '../../../base/processes/child-process.js';
import { dataProblem } from '../../../base/zod-message.js';
import type { StageServices } from '../../services.js';
import type { Analyser, Found, Report } from './analyser.js';

/** What an analyser says of one piece of code. */
export interface Look {
  readonly found: readonly Found[];
  /** Why it did not see all of it. */
  readonly unread?: string;
  /** It failed over this code, rather than saying that it cannot read it. */
  readonly failed?: true;
}

export interface Code {
  readonly language: string;
  readonly text: string;
}

interface Looking {
  readonly programs: StageServices['programs'];
  readonly signal: AbortSignal;
}

/** By the clock, for one that waits for something. One that computes is held by the seconds that it computes, however busy the machine is. */
const WALL_SECONDS = 1800;
const MOST_PRINTED_BYTES = 32 * 1024 * 1024;

/** Sets the limits in a shell, since Node cannot: seconds, and KiB where the system knows such a limit (macOS does not). */
const LIMITED = ['sh', '-c', 'ulimit -S -t "$1" && { ulimit -S -v "$2" || :; } 2>&- && shift 2 && exec "$@"', 'sh'];

/**
 * Lets an analyser look at code, all of it at once, in its languages: one answer for each piece, in their order. The code is in files of a folder
 * that only this user can enter, and gone afterwards. Where the analyser fails (a crash, no end, nonsense), it looks at each half by itself, down
 * to the piece that it fails over: one bad piece takes no other with it.
 *
 * @throws SecpiError `curate/analyser-failed` where it fails over an empty file, too; the signal's reason.
 */
export async function lookAt(analyser: Analyser, codes: readonly Code[], looking: Looking): Promise<readonly Look[]> {
  if (codes.length === 0) return [];
  const looks = await tryLook(analyser, codes, looking);
  if (typeof looks !== 'string') return looks;
  const empty = await tryLook(analyser, [{ language: codes[0]?.language ?? '', text: '\n' }], looking);
  if (typeof empty === 'string') throw broken(analyser, empty);
  if (codes.length === 1) return [{ found: [], unread: looks, failed: true }];
  const half = Math.ceil(codes.length / 2);
  return [
    ...(await lookAt(analyser, codes.slice(0, half), looking)),
    ...(await lookAt(analyser, codes.slice(half), looking)),
  ];
}

/** What it says; or in words why it failed. */
async function tryLook(
  analyser: Analyser,
  codes: readonly Code[],
  { programs, signal }: Looking,
): Promise<readonly Look[] | string> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-analyser-'));
  try {
    const names = codes.map(({ language }, index) => `code/${index}.${analyser.endings[language] ?? 'txt'}`);
    await mkdir(join(folder, 'code'));
    for (const [index, name] of names.entries()) await writeFile(join(folder, name), codes[index]?.text ?? '');
    const { begin, file } = analyser.seconds;
    const seconds = Math.ceil(begin + file * codes.length);
    const child = await startProcess({
      argv: [...LIMITED, String(seconds), String(analyser.mebibytes * 1024), ...analyser.argv],
      cwd: folder,
      env: { ...programs, ...analyser.program.env },
      stdout: { capture: { limitBytes: MOST_PRINTED_BYTES, overflow: 'stop' } },
      stderr: { capture: { limitBytes: 4096, overflow: 'keep-tail' } },
      timeoutSeconds: WALL_SECONDS,
      signal,
    });
    const { exitCode, signal: killed, stoppedBy, stdout, stderr } = await child.exited;
    signal.throwIfAborted();
    if (stoppedBy === 'timeout') return `it did not end within ${WALL_SECONDS} seconds`;
    if (stoppedBy === 'output-limit') return `it printed more than ${MOST_PRINTED_BYTES} bytes`;
    if (killed === 'SIGXCPU') return `it computed for more than ${seconds} seconds`;
    if (exitCode !== 0) return `it ended with ${killed ?? `exit code ${exitCode}`}${lastWords(stderr || stdout)}`;
    return looksOf(analyser, stdout, names);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function looksOf(analyser: Analyser, printed: string, names: readonly string[]): readonly Look[] | string {
  let report: Report;
  try {
    report = analyser.read(printed);
  } catch (error) {
    return `what it printed makes no sense: ${clip(dataProblem(error), 200)}`;
  }
  const found = new Map<string, Found[]>(names.map((name) => [name, []]));
  for (const { file, rule, line, says } of report.findings) found.get(file)?.push({ rule, line, says });
  return names.map((name) => {
    const unread = report.unread.get(name) ?? (report.looked.has(name) ? undefined : 'it says nothing of it');
    return {
      found: found.get(name) ?? [],
      ...(unread === undefined ? {} : { unread: clip(unread, 200) }),
    };
  });
}

function lastWords(output: string): string {
  const words = output.trim().replaceAll(/\s+/g, ' ').slice(-300);
  return words === '' ? '' : `: ${words}`;
}

function broken({ program: { name, versionArgv } }: Analyser, why: string): SecpiError {
  return new SecpiError(
    'curate/analyser-failed',
    `${name} does not work on this machine, not even on an empty file: ${why}`,
    {
      hint: `Repair its installation (\`${versionArgv.join(' ')}\` answers), or take \`${name}\` out of \`curate.analysers\`.`,
    },
  );
}
