import { lstat, rm } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { freeBytes } from '../../base/files/free-space.js';
import { ifThere } from '../../base/files/if-there.js';
import { sha256File } from '../../base/hash.js';
import { resolveInside } from '../../engine/inside.js';
import type { AgentLine } from '../jobs/job.js';
import { filesBelow, type HashFiles, type MovedFile, manifestOf } from './manifest.js';
import { type FetchedFile, type Place, unreachable } from './place.js';
import { rsync } from './rsync.js';
import type { SshConnection } from './ssh-connection.js';
import { type AgentThere, receiveFiles, sendFiles } from './streamed-files.js';

export interface SshFilesOptions {
  readonly connection: SshConnection;
  readonly agent: AgentThere;
  readonly ask: Place['ask'];
  /** Where everything lies there: absolute, or relative to the user's home. */
  readonly root: string;
  /** What has to be free there, besides what is brought, before a job is begun. */
  readonly spareBytes: number;
  readonly hashFiles: HashFiles;
}

type Found = Extract<AgentLine, { type: 'found' }>;

/** Files to and from a host: with rsync where both ends have it, as a stream of bytes otherwise. What arrives is verified either way. */
export function sshFiles(options: SshFilesOptions): Pick<Place, 'bring' | 'fetch'> {
  const { connection, agent, ask, root, spareBytes, hashFiles } = options;
  const { host } = connection;
  const inputs = posix.join(root, 'inputs');

  async function find(path: string, signal: AbortSignal): Promise<Found> {
    for await (const line of ask('find', { path }, signal)) if (line.type === 'found') return line;
    throw unreachable(host);
  }

  /** Whether rsync has done it; false where one of the two ends has none. */
  async function byRsync(there: Found, copy: Parameters<typeof rsync>[1], signal: AbortSignal): Promise<boolean> {
    if (!there.rsync) return false;
    try {
      await rsync(connection, copy, signal);
      return true;
    } catch (error) {
      if (error instanceof SecpiError && error.code === 'process/not-found') return false;
      throw error;
    }
  }

  return {
    async bring(paths, signal) {
      const placed: [string, string][] = [];
      const missing: { path: string; final: string; digest: string; there: Found; files: readonly MovedFile[] }[] = [];
      let there: Found | undefined;
      for (const [name, path] of Object.entries(paths)) {
        const { digest, files } = await manifestOf(path, hashFiles, signal);
        const final = posix.join(inputs, digest);
        there = await find(final, signal);
        if (!there.here && missing.every((one) => one.final !== final))
          missing.push({ path, final, digest, there, files });
        placed.push([name, posix.join(final, basename(path))]);
      }
      // Before the first byte is sent, and before anything is begun there.
      there ??= await find(posix.join(inputs, 'none'), signal);
      const bytes = sum(missing.flatMap(({ files }) => files));
      if (there.free_bytes < bytes + spareBytes) {
        const needed = bytes === 0 ? '' : `${gib(bytes)} are to be brought there, and `;
        throw new SecpiError(
          'compute/disk-full',
          `${host} has ${gib(there.free_bytes)} left below ${root}: ${needed}${gib(spareBytes)} are to be free for the job`,
          {
            hint: 'Free some space there (`secpi gc --target`), or name a folder on another disk as `root` of that target.',
          },
        );
      }
      for (const { path, final, digest, there, files } of missing) {
        // Where programs other than the agent begin is not always the user's home.
        const partial = posix.join(there.folder, `.${digest}.partial`);
        if (await byRsync(there, { from: path, to: `${partial}/`, direction: 'there' }, signal)) {
          for await (const _line of ask('take', { partial, final, files }, signal));
        } else {
          await sendFiles(agent, { below: dirname(path), partial, final, files }, signal);
        }
      }
      return Object.fromEntries(placed);
    },
    async fetch({ path, files }, into, signal) {
      const isTree = files.length !== 1 || files[0]?.path !== '';
      // Before anything is written: what another machine calls its files is not to lead out of their folder.
      const here = isTree ? into : resolveInside(into, posix.basename(path));
      const placeOf = (name: string) => (isTree ? resolveInside(into, name) : here);
      await makeDirectory(into);
      const bytes = await bytesMissing(files, placeOf);
      const free = await freeBytes(into);
      if (free < bytes) {
        throw new SecpiError(
          'compute/disk-full',
          `there are ${gib(free)} left for ${into}, and ${gib(bytes)} are to be brought there from ${host}`,
          {
            hint: 'Free some space (`secpi gc`) and run the same command again: the job is done, and is not run again.',
          },
        );
      }
      const there = await find(posix.join(inputs, 'none'), signal);
      const copy = { from: isTree ? `${path}/` : path, to: `${into}/`, direction: 'here' } as const;
      if (!(await byRsync(there, copy, signal))) await receiveFiles(agent, { path, files, placeOf }, signal);
      await verify(here, isTree, files, signal);
      return here;
    },
  };
}

function sum(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}

/** What has still to be written, where an earlier try may have begun. */
async function bytesMissing(files: readonly FetchedFile[], placeOf: (name: string) => string): Promise<number> {
  let missing = 0;
  for (const { path, bytes } of files) {
    const found = await ifThere(lstat(placeOf(path)));
    missing += Math.max(0, bytes - (found?.isFile() === true ? found.size : 0));
  }
  return missing;
}

/** Holds what arrived against what was described there. Throws `compute/transfer-failed`, and keeps nothing that is wrong. */
async function verify(
  path: string,
  isTree: boolean,
  files: readonly FetchedFile[],
  signal: AbortSignal,
): Promise<void> {
  const names = isTree ? await filesBelow(path) : [''];
  const expected = new Map(files.map((file) => [file.path, file.sha256]));
  for (const name of names) {
    const file = join(path, name);
    if (expected.get(name) === (await sha256File(file, signal))) expected.delete(name);
    else await rm(file);
  }
  if (expected.size === 0) return;
  throw new SecpiError('compute/transfer-failed', `${[...expected.keys()][0]} did not arrive as it was sent`, {
    hint: 'Run the same command again.',
  });
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
