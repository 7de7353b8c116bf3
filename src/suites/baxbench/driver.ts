import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import { startProcess } from '../../base/processes/child-process.js';

/** Data, not code: the build does not copy it. */
const here = join(packageRoot, 'src', 'suites', 'baxbench');
export const driverProgram = join(here, 'driver.py');

/** All that the driver consists of. */
export async function driverSource(): Promise<string> {
  const parts = (await readdir(join(here, 'driving'))).filter((name) => name.endsWith('.py')).sort();
  const paths = [driverProgram, ...parts.map((name) => join(here, 'driving', name))];
  return (await Promise.all(paths.map((path) => readFile(path, 'utf8')))).join('');
}

/** What starts containers: podman, of which a service is started for each run, or whoever answers on a socket as Docker does. */
export const engineSchema = z.union([
  z.strictObject({ podman: z.string() }),
  z.strictObject({ socket: z.string().regex(/^unix:\/\//) }),
]);
export type Engine = z.infer<typeof engineSchema>;

/** What the driver is started with. */
export interface Driver {
  /** Program and first arguments: a Python with what the official tests import, where podman has no root in podman's own namespace. */
  readonly python: readonly string[];
  /** The folder with BaxBench's files. */
  readonly checkout: string;
  readonly engine: Engine;
  /** All that it sees of ours: `PATH`, and what rootless podman looks at. */
  readonly env: Readonly<Record<string, string>>;
}

const MIB = 1024 * 1024;

/**
 * Asks the driver one thing. It ends with us, however we end, and takes with it what it has started.
 * @throws SecpiError `suites/baxbench-engine` where no container can be started at all; the signal's reason on cancellation.
 */
export async function askDriver<T>(
  { python, checkout, engine, env }: Driver,
  command: 'base' | 'images' | 'judge' | 'list' | 'remove',
  { job, answer, signal }: { readonly job: object; readonly answer: z.ZodType<T>; readonly signal: AbortSignal },
): Promise<T> {
  const running = await startProcess({
    argv: [...python, '-B', driverProgram, command, checkout],
    cwd: checkout,
    env: { ...env, PYTHONHASHSEED: '0' },
    stdin: { text: `${JSON.stringify({ ...job, engine })}\n`, hold: true },
    stdout: { capture: { limitBytes: 16 * MIB, overflow: 'stop' } },
    stderr: { capture: { limitBytes: MIB, overflow: 'keep-tail' } },
    signal,
    graceSeconds: 1,
  });
  const { stdout, stderr } = await running.exited;
  signal.throwIfAborted();
  const said = failedOr(answer).safeParse(lastLine(stdout));
  if (said.success && !isFailure(said.data)) return said.data;
  const why = said.success ? (said.data as Failure).failed : stderr.trim().slice(-1000) || 'it says nothing';
  throw new SecpiError('suites/baxbench-engine', `BaxBench's containers do not work here: ${why}`, {
    hint: 'What it takes stands in docs/baxbench.md; `podman run` or `docker run` says more.',
  });
}

type Failure = z.infer<typeof failureSchema>;
const failureSchema = z.object({ failed: z.string() });

function failedOr<T>(answer: z.ZodType<T>): z.ZodType<T | Failure> {
  return z.union([failureSchema, answer]);
}

function isFailure(value: unknown): value is Failure {
  return failureSchema.safeParse(value).success;
}

function lastLine(text: string): unknown {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
