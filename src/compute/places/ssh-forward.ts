import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess } from '../../base/processes/child-process.js';
import type { Address } from '../jobs/job.js';
import type { Route } from './place.js';
import { type SshConnection, sshFailure, sshProgram } from './ssh-connection.js';

const again = { firstMs: 200, growth: 2, mostMs: 10_000 } as const;

/**
 * A way over ssh to a port that is reached from that host, through a Unix socket in a folder that only this user can enter: unlike a
 * port, nobody else can have taken it, nor connect to it. When the connection breaks it is made again, until it is disposed of.
 */
export async function sshForward(connection: SshConnection, { host, port }: Address): Promise<Route> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-'));
  const socketPath = join(folder, 'socket');
  const errors = join(folder, 'errors');
  const closing = new AbortController();
  const open = keepOpen();

  async function keepOpen(): Promise<void> {
    for (let pauseMs: number = again.firstMs; !closing.signal.aborted; pauseMs *= again.growth) {
      const began = performance.now();
      await once().catch(() => undefined);
      // One that held for a while was a good one.
      if (performance.now() - began > again.mostMs) pauseMs = again.firstMs;
      await sleep(Math.min(pauseMs, again.mostMs), undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  /** One connection, to its end. `cat` ends, and ssh with it, when this process is gone. */
  async function once(): Promise<void> {
    await rm(errors, { force: true });
    const child = await startProcess({
      argv: [
        ...sshProgram(connection),
        ...options,
        '-L',
        `${socketPath}:${host}:${port}`,
        '--',
        connection.host,
        'cat',
      ],
      cwd: '/',
      env: connection.env,
      stdin: 'hold',
      stderr: { file: errors },
      graceSeconds: 1,
      signal: closing.signal,
    });
    await child.exited;
  }

  return {
    host,
    port,
    socketPath,
    async complaint() {
      const said = await readFile(errors, 'utf8').catch(() => '');
      return sshFailure(255, said) ?? '';
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await open;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A connection of its own: one that is shared would keep the way open when this one ends. */
const options = [
  'ExitOnForwardFailure=yes',
  'StreamLocalBindUnlink=yes',
  'StreamLocalBindMask=0177',
  'ControlMaster=no',
  'ControlPath=none',
].flatMap((one) => ['-o', one]);
