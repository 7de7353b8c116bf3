import { SecpiError } from '../../base/errors.js';
import { type ProcessResult, startProcess } from '../../base/processes/child-process.js';
import { unreachable } from './place.js';

/** How a host is reached: everything else stands in the user's own ssh configuration, under the host's name. */
export interface SshConnection {
  /** A host, `user@host`, or an alias of the ssh configuration. */
  readonly host: string;
  /** Another ssh configuration than the user's own. */
  readonly config: string | undefined;
  /** For the ssh program: `HOME`, `SSH_AUTH_SOCK`, `PATH`. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Never asks (there may be nobody), never gives up checking host keys, and notices within half a minute that the other end is gone.
 */
const options = ['BatchMode=yes', 'ConnectTimeout=20', 'ServerAliveInterval=5', 'ServerAliveCountMax=4'];

/** The ssh program with its options, up to the host: what rsync wants too, which takes it apart at blanks. */
export function sshProgram({ config }: SshConnection): readonly string[] {
  const file = config === undefined ? [] : ['-F', ...plain([config])];
  return ['ssh', '-T', ...file, ...options.flatMap((one) => ['-o', one])];
}

/** The words themselves. Throws `compute/bad-path` for one that some shell would take for something else. */
function plain(words: readonly string[]): readonly string[] {
  const odd = words.find((word) => !/^[A-Za-z0-9_./:@%+=,-]+$/.test(word));
  if (odd === undefined) return words;
  throw new SecpiError('compute/bad-path', `${odd} cannot be given to ssh`, {
    hint: 'Use a path of letters, digits and `_./:@%+=,-`.',
    exitCode: 2,
  });
}

/**
 * The argv that runs a program there. Login shells differ, so its words are plain ones only: anything else goes through stdin.
 */
export function sshArgv(connection: SshConnection, words: readonly string[]): readonly string[] {
  return [...sshProgram(connection), '--', connection.host, 'exec', ...plain(words)];
}

/** What ssh exits with when it has failed itself; a program there may exit so too. */
const SSH_FAILED = 255;

/** Whether ssh failed, in its own words; its warnings come before them. */
export function sshFailure(exitCode: number | null, said: string): string | undefined {
  if (exitCode !== SSH_FAILED) return undefined;
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Warning:'));
  return (
    lines.find((line) => /verification failed|identification has changed/i.test(line)) ??
    lines.at(-1) ??
    ''
  ).trim();
}

/** Runs a program there with a text as its input. Throws `compute/unreachable`. */
export async function sshRun(
  connection: SshConnection,
  words: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<ProcessResult> {
  const child = await startProcess({
    argv: sshArgv(connection, words),
    cwd: '/',
    env: connection.env,
    stdin: { text: input },
    stdout: { capture: { limitBytes: 65_536, overflow: 'keep-tail' } },
    stderr: { capture: { limitBytes: 4096, overflow: 'keep-tail' } },
    signal,
  });
  const result = await child.exited;
  signal.throwIfAborted();
  const failure = sshFailure(result.exitCode, result.stderr);
  if (failure !== undefined) throw unreachable(connection.host, failure);
  return result;
}
