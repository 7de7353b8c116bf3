import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { hasMeans } from './means.js';
import { withMounts } from './private-mounts.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

const run = promisify(execFile);
const sshd = '/usr/sbin/sshd';

/** Whether a server can be started here. */
export const hasSshServer = hasMeans(existsSync(sshd), 'there is no sshd (openssh-server, rsync)');

/** A real sshd on a port of its own, and a client configuration that reaches it as `far`; other users' keys are not touched. */
export interface SshServer extends AsyncDisposable {
  /** For `ssh -F`. */
  readonly config: string;
  /** The home of whoever logs in. */
  readonly home: string;
  /** The server and all its connections are gone at once, as when the network is. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Another key, as after somebody has put another machine in its place. */
  changeHostKey(): Promise<void>;
}

async function makeKey(path: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
}

export interface SshServerOptions {
  /** Where programs are looked for by whoever logs in. */
  readonly path?: string;
  /** Lines of shell that change what the server and its sessions see of the file system; `$HOME` is the home of whoever logs in. */
  readonly mounts?: readonly string[];
  /** What else whoever logs in finds in the environment. */
  readonly variables?: Readonly<Record<string, string>>;
}

export async function sshServer({ path: programs, mounts, variables }: SshServerOptions = {}): Promise<SshServer> {
  const folder: TemporaryFolder = await temporaryFolder();
  const path = (name: string) => join(folder.path, name);
  const home = path('home');
  await mkdir(home);
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  await makeKey(path('host-key'));
  await makeKey(path('user-key'));
  await writeFile(path('authorized'), await readFile(path('user-key.pub')));
  await chmod(path('authorized'), 0o600);
  const port = await freePort();
  await writeFile(
    path('sshd-config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path('host-key')}`,
      `PidFile ${path('pid')}`,
      `AuthorizedKeysFile ${path('authorized')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      `SetEnv ${Object.entries({ HOME: home, ...(programs === undefined ? {} : { PATH: programs }), ...variables })
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      'LogLevel ERROR',
    ].join('\n'),
  );
  const trust = async () => {
    const [type, key] = (await readFile(path('host-key.pub'), 'utf8')).split(' ');
    await writeFile(path('known-hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`);
  };
  await trust();
  await writeFile(
    path('ssh-config'),
    [
      'Host far',
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  User ${userInfo().username}`,
      `  IdentityFile ${path('user-key')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${path('known-hosts')}`,
      '  StrictHostKeyChecking yes',
    ].join('\n'),
  );
  let server: ReturnType<typeof spawn> | undefined;
  const daemon = [sshd, '-D', '-e', '-f', path('sshd-config')] as const;
  const [program, ...args] = mounts === undefined ? daemon : withMounts([`HOME='${home}'`, ...mounts], daemon);
  const spawnServer = () => spawn(program, args, { detached: true, stdio: 'ignore' });
  const start = async (): Promise<void> => {
    server = spawnServer();
    for (;;) {
      const reached = await run('ssh', ['-F', path('ssh-config'), '-o', 'BatchMode=yes', 'far', 'true']).then(
        () => true,
        () => false,
      );
      if (reached) return;
      await sleep(50);
    }
  };
  const kill = async (): Promise<void> => {
    const { pid } = server ?? {};
    if (pid === undefined) return;
    server = undefined;
    // Connections are processes of their own, which outlive the server; those of a session lead one of theirs.
    const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,comm=']);
    const processes = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    const below = (parent: string): string[] =>
      processes
        .filter(([, of, name]) => of === parent && name === 'sshd')
        .flatMap(([child = '']) => [child, ...below(child)]);
    for (const one of [...below(String(pid)), String(pid)]) {
      try {
        process.kill(Number(one), 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  };
  await start();
  return {
    config: path('ssh-config'),
    home,
    start,
    kill,
    async changeHostKey() {
      await kill();
      for (const name of ['host-key', 'host-key.pub']) await run('rm', [path(name)]);
      await makeKey(path('host-key'));
      server = spawnServer();
      await sleep(500);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await folder[Symbol.asyncDispose]();
    },
  };
}
