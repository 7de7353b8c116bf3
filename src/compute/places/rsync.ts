import { SecpiError } from '../../base/errors.js';
import { startProcess } from '../../base/processes/child-process.js';
import { unreachable } from './place.js';
import { type SshConnection, sshFailure, sshProgram } from './ssh-connection.js';

/** What rsync exits with when a file could not be read or written, at either end. */
const FILE_ERROR = 11;

/**
 * Copies the content of a folder with rsync, from here or to here: what is there already, be it half a file, is not sent again. What
 * arrives has still to be verified.
 *
 * @throws SecpiError `compute/unreachable`, `compute/transfer-failed`, `process/not-found`; the signal's reason.
 */
export async function rsync(
  connection: SshConnection,
  { from, to, direction }: { readonly from: string; readonly to: string; readonly direction: 'there' | 'here' },
  signal: AbortSignal,
): Promise<void> {
  const at = (path: string) => `${connection.host}:${path}`;
  const child = await startProcess({
    argv: [
      'rsync',
      // Links, owners and modes are not kept: only bytes count, and what another machine says of itself is not to be trusted.
      ...[
        '--recursive',
        '--times',
        '--protect-args',
        '--partial-dir=.rsync-partial',
        '--delete',
        '--exclude=__pycache__',
      ],
      ...['--rsh', sshProgram(connection).join(' ')],
      direction === 'there' ? from : at(from),
      direction === 'there' ? at(to) : to,
    ],
    cwd: '/',
    env: connection.env,
    stderr: { capture: { limitBytes: 4096, overflow: 'keep-tail' } },
    signal,
  });
  const { exitCode, stderr } = await child.exited;
  signal.throwIfAborted();
  if (exitCode === 0) return;
  const failure = sshFailure(exitCode, stderr);
  if (failure !== undefined) throw unreachable(connection.host, failure);
  // The first of its lines says what went wrong, the last one only that something did.
  const words = stderr.split('\n').find((line) => line.startsWith('rsync:')) ?? stderr.trim();
  // Those of the other end can be lost when this one ends first.
  const why = words || (exitCode === FILE_ERROR ? 'a disk is full, or fails' : `rsync ended with ${exitCode}`);
  throw new SecpiError('compute/transfer-failed', `files could not be copied: ${why}`, {
    hint: 'Run the same command again. What has arrived is not sent again.',
  });
}
