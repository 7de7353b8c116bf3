import { lstat, rm } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { freeBytes } from '../../base/files/free-space.js';
import { ifThere } from '../../base/files/if-there.js';
import { sha256File } from '../../base/hash.js';
import { resolveInside } from '../../engine/inside.js';
import { type BringHere, bringNothing } from '../bytes-source.js';
import type { AgentLine } from '../jobs/job.js';
import { gib, sum } from '../sizes.js';
import { digestOf, filesBelow, type HashFiles, type MovedFile, manifestOf } from './manifest.js';
import { type FetchedFile, type Made, type Place, type Store, unreachable } from './place.js';
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
  readonly bringHere: BringHere | undefined;
  readonly owner: string | undefined;
}

type Found = Extract<AgentLine, { type: 'found' }>;

/** Files to and from a host: with rsync where both ends have it, as a stream of bytes otherwise. What arrives is verified either way. */
export function sshFiles(options: SshFilesOptions): Pick<Place, 'bring' | 'fetch' | 'store'> {
  const { connection, agent, ask, root, spareBytes, hashFiles, bringHere = bringNothing, owner = 'nobody' } = options;
  const { host } = connection;
  const inputs = posix.join(root, 'inputs');

  /** Whether an input lies there, and these files of it whole. */
  async function find(path: string, signal: AbortSignal, files: readonly FetchedFile[] = []): Promise<Found> {
    for await (const line of ask('find', { path, files }, signal)) if (line.type === 'found') return line;
    throw unreachable(host);
  }

  const store: Store = {
    async keep({ path, files }, job, signal) {
      const final = finalOf(path, files);
      const request = { job, path, final, files, owner };
      for await (const line of ask('keep', request, signal)) if (line.type === 'kept') return line.path;
      throw unreachable(host);
    },
    async has({ path, files }, signal) {
      return (await find(posix.dirname(path), signal, below(posix.basename(path), files))).here;
    },
  };

  /** Where it lies among the inputs, if it does. */
  function finalOf(path: string, files: readonly FetchedFile[]): string {
    return posix.join(inputs, digestOf(below(posix.basename(path), files)));
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
    store,
    async bring(wanted, signal, onNote = () => undefined) {
      const placed: [string, string][] = [];
      const missing: { path: string; final: string; digest: string; there: Found; files: readonly MovedFile[] }[] = [];
      let there: Found | undefined;
      for (const [name, input] of Object.entries(wanted)) {
        if (typeof input !== 'string' && input.machine === host && (await store.has(input, signal))) {
          placed.push([name, input.path]);
          continue;
        }
        const path = typeof input === 'string' ? input : await bringHere(input, signal, onNote);
        const { digest, files } = await manifestOf(path, hashFiles, signal);
        const final = posix.join(inputs, digest);
        there = await find(final, signal, files);
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
      // It may have been kept there, and never have been heard of here.
      const final = finalOf(path, files);
      const there = await find(final, signal, below(posix.basename(path), files));
      const from = there.here ? posix.join(there.folder, posix.basename(final), posix.basename(path)) : path;
      const copy = { from: isTree ? `${from}/` : from, to: `${into}/`, direction: 'here' } as const;
      if (!(await byRsync(there, copy, signal))) await receiveFiles(agent, { path: from, files, placeOf }, signal);
      await verify(here, isTree, files, signal);
      return here;
    },
  };
}

/** Files as an input's are named: under the name of their folder. */
function below(base: string, files: Made['files']): readonly FetchedFile[] {
  return files.map((file) => ({ ...file, path: posix.join(base, file.path) }));
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
