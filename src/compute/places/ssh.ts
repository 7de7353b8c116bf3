import { posix } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { BringHere } from '../bytes-source.js';
import type { AgentLine } from '../jobs/job.js';
import { agentFiles } from './agent-files.js';
import { type AgentEnd, askAgent } from './agent-process.js';
import type { HashFiles } from './manifest.js';
import { type AgentCommand, type Place, type Queue, unreachable } from './place.js';
import { type SshConnection, sshArgv, sshFailure, sshRun } from './ssh-connection.js';
import { sshFiles } from './ssh-files.js';
import { sshForward } from './ssh-forward.js';

export interface SshPlaceOptions extends SshConnection {
  /** Where everything lies there: absolute, or relative to the user's home. */
  readonly root: string;
  /** An interpreter there, 3.9 or later. */
  readonly python: string;
  /** It is a login node of a cluster, and this is how jobs are submitted there. */
  readonly queue: Queue | null;
  /** What has to be free there, besides what is brought, before a job is begun. */
  readonly spareGib: number;
  readonly hashFiles: HashFiles;
  readonly bringHere?: BringHere | undefined;
  /** Whose outputs are that stay there. */
  readonly owner?: string | undefined;
}

/** A host that is reached over ssh. Jobs stay when whoever started them is gone. */
export function sshPlace(options: SshPlaceOptions): Place {
  const { host, root, python } = options;

  /** The agent, under the digest of its code: two versions of secpi do not meet. */
  const agentOf = (digest: string) => posix.join(root, 'agent', digest);

  async function argvOf(command: AgentCommand): Promise<readonly string[]> {
    const { digest } = await agentFiles();
    return sshArgv(options, [python, '-I', posix.join(agentOf(digest), 'secpi_agent'), command]);
  }

  async function* askOnce(command: AgentCommand, request: object, signal: AbortSignal) {
    return yield* askAgent({ argv: await argvOf(command), env: options.env, request, signal });
  }

  async function* ask(command: AgentCommand, request: object, signal: AbortSignal): AsyncGenerator<AgentLine> {
    let end: AgentEnd = yield* askOnce(command, request, signal);
    if (/can't open file|No module named|cannot find '__main__'/.test(end.said)) {
      await bringAgent(signal);
      end = yield* askOnce(command, request, signal);
    }
    const failure = sshFailure(end.exitCode, end.said);
    if (failure !== undefined) throw unreachable(host, failure);
    const last = end.said.split('\n').at(-1);
    if (end.exitCode === 127 || end.exitCode === 126) throw noPython(`there is no ${python} on ${host}: ${last}`);
    // An agent does not exit so: it is what other programs say to options that they do not know.
    if (end.exitCode === 2 || /^SyntaxError/m.test(end.said)) {
      throw noPython(`${python} on ${host} is no Python 3.9 or newer: ${last}`);
    }
  }

  /** A few kilobytes of Python, unpacked by the interpreter itself: nothing but that has to be there. */
  async function bringAgent(signal: AbortSignal): Promise<void> {
    const { digest, files } = await agentFiles();
    const script = [
      'import json, os, sys',
      `target = ${JSON.stringify(agentOf(digest))}`,
      'made = target + "." + os.urandom(8).hex()',
      `for name, text in json.loads(${JSON.stringify(JSON.stringify(files))}).items():`,
      '    path = made + "/secpi_agent/" + name',
      '    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)',
      '    with open(path, "w", encoding="utf-8") as file:',
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
    ...sshFiles({
      connection: options,
      agent: { host, env: options.env, argv: argvOf },
      ask,
      root,
      spareBytes: options.spareGib * 2 ** 30,
      hashFiles: options.hashFiles,
      bringHere: options.bringHere,
      owner: options.owner,
    }),
  };
}

function noPython(message: string): SecpiError {
  return new SecpiError('compute/no-python', message, {
    hint: 'Name an interpreter there, with the packages of trainers/requirements.lock, as `python` of that target.',
    exitCode: 2,
  });
}
