import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { type RunningProcess, startProcess } from '../../base/processes/child-process.js';
import type { Redactor } from '../../base/redact.js';

/** A model server that we started. */
export interface ModelServer extends AsyncDisposable {
  /** Base address including `/v1`. */
  readonly endpoint: string;
  /** What the server calls the model; `undefined` when it takes the recipe's name. */
  readonly model: string | undefined;
  readonly pid: number;
  /** Why it is gone (`models/server-died`), or `undefined` while it lives. Waits a moment, because bad news travels slowly. */
  death(): Promise<SecpiError | undefined>;
}

export interface ModelServerOptions {
  /** For messages. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Exists; the server runs in it. */
  readonly work: string;
  /** Output of the server is appended here. */
  readonly logFile: string;
  /**
   * How the server says that it is ready: it writes a JSON file (with `pid`, `base_url` and `model`, as our own server does),
   * or it answers 200 at an address.
   */
  readonly ready: { readonly file: string } | { readonly url: string; readonly endpoint: string };
  readonly startTimeoutSeconds: number;
  /** Between SIGTERM and SIGKILL. Default 10. */
  readonly graceSeconds?: number;
  readonly redact: Redactor;
  /** Aborting it stops the server, also while it starts. */
  readonly signal: AbortSignal;
  /** Asked first when the server has died; the tail of the log is the answer otherwise. */
  readonly explain?: () => Promise<string | undefined>;
}

const POLL_MS = 50;
const PROBE_TIMEOUT_MS = 2000;
const LOG_TAIL_BYTES = 4096;
const LOG_TAIL_LINES = 12;
/** A broken connection is seen earlier than the end of the process that broke it. */
const DEATH_WATCH_MS = 300;

const readySchema = z.looseObject({ pid: z.number().int(), base_url: z.url(), model: z.string().min(1).optional() });
type Ready = { readonly endpoint: string; readonly model: string | undefined };

/**
 * Starts a model server and waits until it answers. It leads a process group of its own, notices on stdin when we are gone,
 * and is stopped (TERM, then KILL, the whole group) on dispose, on abort and when it does not get ready in time.
 *
 * @throws SecpiError `models/server-died` with the end of its log, `models/server-not-ready`; `signal.reason`.
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { name, ready, signal, startTimeoutSeconds } = options;
  signal.throwIfAborted();
  // One left over by a killed run names a server that is gone.
  if ('file' in ready) await rm(ready.file, { force: true });
  const child = await startProcess({
    argv: options.argv,
    cwd: options.work,
    env: options.env,
    stdin: 'hold',
    stdout: { file: options.logFile },
    stderr: { file: options.logFile },
    graceSeconds: options.graceSeconds ?? 10,
    signal,
  });
  let ended = false;
  const exited = child.exited.then((result) => {
    ended = true;
    return result;
  });
  const died = async (): Promise<SecpiError> => {
    const { exitCode, signal: killedBy } = await exited;
    const why = (await options.explain?.()) ?? (await logTail(options));
    const how = killedBy === null ? `exit code ${exitCode}` : killedBy;
    return new SecpiError('models/server-died', `The server of ${name} ended (${how}): ${options.redact(why)}`, {
      hint: `Its whole log is in ${options.logFile}.`,
    });
  };

  try {
    const deadline = performance.now() + startTimeoutSeconds * 1000;
    for (;;) {
      const found = 'file' in ready ? await readReadyFile(ready.file, child) : await probe(ready, signal);
      signal.throwIfAborted();
      if (ended) throw await died();
      if (found !== undefined) {
        return {
          ...found,
          pid: child.pid,
          async death() {
            if (!ended) await Promise.race([exited, sleep(DEATH_WATCH_MS)]);
            return ended ? await died() : undefined;
          },
          async [Symbol.asyncDispose]() {
            await child.stop();
          },
        };
      }
      if (performance.now() > deadline) {
        const said = await logTail(options);
        throw new SecpiError(
          'models/server-not-ready',
          `The server of ${name} was not ready within ${startTimeoutSeconds} s; the last it said: ${options.redact(said)}`,
          { hint: `Raise start_timeout_seconds, or see its log in ${options.logFile}.` },
        );
      }
      await Promise.race([exited, sleep(POLL_MS, undefined, { signal })]);
    }
  } catch (error) {
    await child.stop();
    signal.throwIfAborted();
    throw error;
  }
}

/** The file appears whole; one of another process, or half of one, counts as not there. */
async function readReadyFile(file: string, child: RunningProcess): Promise<Ready | undefined> {
  try {
    const said = readySchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return said.pid === child.pid ? { endpoint: said.base_url, model: said.model } : undefined;
  } catch {
    return undefined;
  }
}

async function probe(ready: { url: string; endpoint: string }, signal: AbortSignal): Promise<Ready | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    const response = await fetch(ready.url, { signal: limit });
    await response.body?.cancel();
    return response.ok ? { endpoint: ready.endpoint, model: undefined } : undefined;
  } catch {
    return undefined;
  }
}

/** The last lines of the server's log. */
async function logTail({ logFile }: ModelServerOptions): Promise<string> {
  try {
    const handle = await open(logFile, 'r');
    try {
      const { size } = await handle.stat();
      const start = Math.max(0, size - LOG_TAIL_BYTES);
      const buffer = Buffer.alloc(size - start);
      await handle.read(buffer, 0, buffer.length, start);
      const lines = buffer.toString('utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
      return lines.join('\n') || 'it said nothing';
    } finally {
      await handle.close();
    }
  } catch (error) {
    return `its log cannot be read: ${messageOf(error)}`;
  }
}
