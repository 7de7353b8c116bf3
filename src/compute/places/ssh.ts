import { rm } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { sha256File } from '../../base/hash.js';
import type { AgentLine } from '../jobs/job.js';
import { agentFiles } from './agent-files.js';
import { type AgentEnd, askAgent } from './agent-process.js';
import { filesBelow, manifestOf } from './manifest.js';
import { type AgentCommand, type FetchedFile, type Place, type Queue, unreachable } from './place.js';
import { rsync } from './rsync.js';
import { type SshConnection, sshArgv, sshFailure, sshRun } from './ssh-connection.js';
import { sshForward } from './ssh-forward.js';

export interface SshPlaceOptions extends SshConnection {
  /** Where everything lies there: absolute, or relative to the user's home. */
  readonly root: string;
  /** An interpreter there, 3.9 or later. */
  readonly python: string;
  /** It is a login node of a cluster, and this is how jobs are submitted there. */
  readonly queue: Queue | null;
}

/** Room that is left on a disk besides what is brought to it, in bytes. */
const SPARE_BYTES = 2 ** 30;

/** A host that is reached over ssh. Jobs stay when whoever started them is gone. */
export function sshPlace(options: SshPlaceOptions): Place {
  const { host, root, python } = options;

  /** The agent, under the digest of its code: two versions of secpi do not meet. */
  const agentOf = (digest: string) => posix.join(root, 'agent', digest);

  async function* askOnce(command: AgentCommand, request: object, signal: AbortSignal) {
    const { digest } = await agentFiles();
    const argv = sshArgv(options, [python, '-I', posix.join(agentOf(digest), 'secpi_agent'), command]);
    return yield* askAgent({ argv, env: options.env, request, signal });
  }

  async function* ask(command: AgentCommand, request: object, signal: AbortSignal): AsyncGenerator<AgentLine> {
    const end: AgentEnd = yield* askOnce(command, request, signal);
    if (/can't open file|No module named|cannot find '__main__'/.test(end.said)) {
      await bringAgent(signal);
      yield* askOnce(command, request, signal);
      return;
    }
    const failure = sshFailure(end.exitCode, end.said);
    if (failure !== undefined) throw unreachable(host, failure);
    if (end.exitCode === 127 || end.exitCode === 126) {
      throw new SecpiError('compute/no-python', `there is no ${python} on ${host}: ${end.said.split('\n').at(-1)}`, {
        hint: 'Name an interpreter there, with the packages of trainers/requirements.lock, as `python` of that target.',
        exitCode: 2,
      });
    }
  }

  /** A few kilobytes of Python, unpacked by the interpreter itself: nothing but that has to be there. */
  async function bringAgent(signal: AbortSignal): Promise<void> {
    const { digest, files } = await agentFiles();
    const script = [
      'import json, os, sys',
      `target = ${JSON.stringify(agentOf(digest))}`,
      'made = target + "." + os.urandom(8).hex()',
      'os.makedirs(made + "/secpi_agent", 0o700)',
      `for name, text in json.loads(${JSON.stringify(JSON.stringify(files))}).items():`,
      '    with open(made + "/secpi_agent/" + name, "w", encoding="utf-8") as file:',
      '        file.write(text)',
      'os.sync()',
      'if not os.path.isdir(target):',
      '    os.rename(made, target)',
    ].join('\n');
    const { exitCode, stderr } = await sshRun(options, [python, '-I', '-'], script, signal);
    if (exitCode === 0) return;
    const why = stderr.trim().split('\n').at(-1) ?? '';
    throw new SecpiError('compute/no-agent', `nothing can be put into ${root} on ${host}: ${why}`, {
      hint: 'Name a folder there that your user may write to, as `root` of that target.',
    });
  }

  async function found(path: string, signal: AbortSignal) {
    for await (const line of ask('find', { path }, signal)) if (line.type === 'found') return line;
    throw unreachable(host);
  }

  /** One input, under the digest of its content; resolves to its path there. */
  async function bringOne(path: string, signal: AbortSignal): Promise<string> {
    const { digest, files } = await manifestOf(path, signal);
    const final = posix.join(root, 'inputs', digest);
    const there = posix.join(final, basename(path));
    const { here, folder, free_bytes } = await found(final, signal);
    if (here) return there;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (free_bytes < bytes + SPARE_BYTES) {
      throw new SecpiError(
        'compute/disk-full',
        `${host} has ${gib(free_bytes)} left below ${root}, and ${gib(bytes)} are to be brought there`,
        {
          hint: 'Free some space there, or name a folder on another disk as `root` of that target.',
        },
      );
    }
    // Where programs other than the agent begin is not always the user's home.
    const partial = posix.join(folder, `.${digest}.partial`);
    await rsync(options, { from: path, to: `${partial}/`, direction: 'there' }, signal);
    for await (const _line of ask('take', { partial, final, files }, signal));
    return there;
  }

  return {
    name: host,
    queue: options.queue,
    attached: false,
    isHere: false,
    // A node of a cluster is not the one that we reach.
    bind: options.queue === null ? '127.0.0.1' : '0.0.0.0',
    folderOf: ({ key }) => posix.join(root, 'jobs', key),
    ask,
    forward: (address) => sshForward(options, address),
    async bring(inputs, signal) {
      const paths: [string, string][] = [];
      for (const [name, path] of Object.entries(inputs)) paths.push([name, await bringOne(path, signal)]);
      return Object.fromEntries(paths);
    },
    async fetch({ path, files }, into, signal) {
      const isTree = files.length !== 1 || files[0]?.path !== '';
      await makeDirectory(into);
      await rsync(options, { from: isTree ? `${path}/` : path, to: `${into}/`, direction: 'here' }, signal);
      const here = isTree ? into : join(into, posix.basename(path));
      await verify(here, isTree, files, signal);
      return here;
    },
  };
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
