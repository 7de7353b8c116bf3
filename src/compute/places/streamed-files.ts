import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SecpiError } from '../../base/errors.js';
import { makeFolder } from '../../base/files/durable-directory.js';
import { ifThere } from '../../base/files/if-there.js';
import { atPath, systemCode } from '../../base/files/system-code.js';
import { startProcess } from '../../base/processes/child-process.js';
import { type AgentEnd, askAgent, complaint, understood } from './agent-process.js';
import { ByteReader } from './byte-reader.js';
import type { MovedFile } from './manifest.js';
import { type AgentCommand, type FetchedFile, unreachable } from './place.js';
import { sshFailure } from './ssh-connection.js';

/**
 * Files as a plain stream of their bytes, to an agent or from one: for machines without rsync. Not as an archive: one that is cut off
 * between two members unpacks without a complaint, and one from another machine may name any path and any link. Here names and sizes
 * are known before the first byte, and what is there of a file from an earlier try is not sent again.
 */

/** How to run an agent there. */
export interface AgentThere {
  /** For messages. */
  readonly host: string;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: (command: AgentCommand) => Promise<readonly string[]>;
}

/**
 * Brings files to `partial`, whence the agent moves them to `final` once every byte is what it should be.
 *
 * @throws SecpiError `job/bad-transfer`, `compute/unreachable`, `compute/transfer-failed`; the signal's reason; what cannot be read here.
 */
export async function sendFiles(
  agent: AgentThere,
  input: {
    /** The folder here that the files' names begin at. */
    readonly below: string;
    readonly partial: string;
    readonly final: string;
    readonly files: readonly MovedFile[];
  },
  signal: AbortSignal,
): Promise<void> {
  const { below, ...request } = input;
  let stdin: Writable | undefined;
  let unreadable: unknown;
  async function* bytesFrom(offsets: readonly number[]): AsyncGenerator<Buffer> {
    for (const [index, { path, bytes }] of input.files.entries()) {
      const start = offsets[index] ?? 0;
      if (start >= bytes) continue;
      const file = createReadStream(join(below, path), { start, end: bytes - 1, highWaterMark: CHUNK });
      // Not what ends it because nobody takes the bytes any more.
      file.on('error', (error) => {
        if (systemCode(error) !== undefined) unreadable = error;
      });
      for await (const chunk of file) yield chunk as Buffer;
    }
  }
  const talk = askAgent({
    argv: await agent.argv('receive'),
    env: agent.env,
    request,
    hold: true,
    onStdin: (open) => {
      stdin = open;
    },
    signal,
  });
  let sending = Promise.resolve();
  try {
    let step = await talk.next();
    for (; step.done !== true; step = await talk.next()) {
      const { value } = step;
      // That nobody takes the bytes is told better by whoever was to take them.
      if (value.type === 'has' && stdin !== undefined) {
        sending = pipeline(Readable.from(bytesFrom(value.bytes)), stdin, { signal }).catch(() => undefined);
      }
    }
    if (step.value.exitCode !== 0) throw failureOf(agent.host, step.value);
  } catch (error) {
    await sending;
    throw unreadable ?? error;
  }
}

/**
 * Fetches files that lie there below `path`, or, for an empty name, at it. What arrives has still to be verified.
 *
 * @param placeOf where a file is to lie here, by its name.
 * @throws SecpiError as `sendFiles`.
 */
export async function receiveFiles(
  agent: AgentThere,
  { path, files, placeOf }: { path: string; files: readonly FetchedFile[]; placeOf: (name: string) => string },
  signal: AbortSignal,
): Promise<void> {
  // All names first: nothing is written for the sake of one that leads out of its folder.
  const places = files.map((file) => ({ ...file, place: placeOf(file.path) }));
  const wanted: (FetchedFile & { readonly place: string; readonly offset: number })[] = [];
  for (const file of places) wanted.push({ ...file, offset: await sizeOfRest(file.place, file.bytes) });
  const child = await startProcess({
    argv: await agent.argv('send'),
    cwd: '/',
    env: agent.env,
    stdin: {
      text: `${JSON.stringify({ path, files: wanted.map((file) => ({ path: file.path, bytes: file.bytes, offset: file.offset })) })}\n`,
    },
    stdout: 'stream',
    stderr: { capture: { limitBytes: 4096, overflow: 'keep-tail' } },
    graceSeconds: 1,
    signal,
  });
  try {
    if (child.stdout === null) throw new TypeError('its output was asked for');
    const reader = new ByteReader(child.stdout);
    const isWhole = (await untilBytes(reader)) && (await writeAll(reader, wanted)) && (await reader.isOver());
    signal.throwIfAborted();
    if (isWhole) return;
    const { exitCode, stderr } = await child.stop();
    throw failureOf(agent.host, { exitCode, said: stderr.trim() });
  } finally {
    await child.stop();
  }
}

const CHUNK = 1024 * 1024;

/** Reads up to where the bytes begin; false when they do not. Throws what the agent says is wrong. */
async function untilBytes(reader: ByteReader): Promise<boolean> {
  for (;;) {
    const line = await reader.line();
    if (line === undefined) return false;
    const said = understood(line);
    if (said?.type === 'error') throw complaint(said);
    if (said?.type === 'sending') return true;
  }
}

/** Writes what comes behind what is there of each file; false when it ended too early. */
async function writeAll(
  reader: ByteReader,
  files: readonly (FetchedFile & { readonly place: string; readonly offset: number })[],
): Promise<boolean> {
  for (const { place, bytes, offset } of files) {
    makeFolder(dirname(place));
    const file = createWriteStream(place, { flags: offset === 0 ? 'w' : 'a' });
    await pipeline(reader.bytes(bytes - offset), file).catch((error: unknown) => {
      throw atPath(error, place);
    });
    if (file.bytesWritten < bytes - offset) return false;
  }
  return true;
}

/** How much of a file is here from an earlier try. What is too long for that, or no file, is removed. */
async function sizeOfRest(path: string, bytes: number): Promise<number> {
  const found = await ifThere(lstat(path));
  if (found === undefined) return 0;
  if (found.isFile() && found.size <= bytes) return found.size;
  await rm(path, { recursive: true });
  return 0;
}

function failureOf(host: string, { exitCode, said }: AgentEnd): SecpiError {
  const failure = sshFailure(exitCode, said);
  if (failure !== undefined) return unreachable(host, failure);
  const why = said.split('\n').at(-1) || 'the stream ended too early';
  return new SecpiError('compute/transfer-failed', `files could not be copied: ${why}`, {
    hint: 'Run the same command again. What has arrived is not sent again.',
  });
}
