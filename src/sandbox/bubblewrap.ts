/**
 * The bubblewrap command line. Two ways in, one result: as an ordinary user a user namespace gives the right to mount;
 * as root there is none, bubblewrap keeps only the capabilities that `setpriv` needs to become an unprivileged user for
 * good (limits on processes do not count for root, and root could read every mounted file).
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Mount } from './toolchains.js';

/** The one writable place besides /tmp and /dev/shm, and the current folder of a run. */
export const WORK_FOLDER = '/box';

const MIB = 1024 * 1024;
/** Sizes of the three places in memory that a run can fill. */
const SCRATCH_BYTES = { work: 256 * MIB, tmp: 256 * MIB, shm: 16 * MIB } as const;

/** Descriptors of the bubblewrap process, as bubblewrap's arguments name them. */
export interface BubblewrapFds {
  /** Where bubblewrap reports the process id of the sandbox. */
  readonly status: number;
  readonly passwd: number;
  readonly hosts: number;
  readonly seccomp: number | null;
}

/** Arguments up to and including `--`; the command follows. */
export function bubblewrapArguments(asRoot: boolean, mounts: readonly Mount[], fds: BubblewrapFds): string[] {
  const system = baseSystem();
  return [
    ...(asRoot
      ? ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try']
      : ['--unshare-all', '--unshare-user', '--disable-userns', '--uid', '65534', '--gid', '65534']),
    ...['--cap-drop', 'ALL'],
    ...(asRoot ? ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]) : []),
    ...['--die-with-parent', '--new-session', '--hostname', 'sandbox'],
    ...system,
    ...folders(['/etc', ...mounts.map((mount) => dirname(mount.to))]),
    ...[
      '--ro-bind-try',
      '/etc/ld.so.cache',
      '/etc/ld.so.cache',
      '--ro-bind-try',
      '/etc/alternatives',
      '/etc/alternatives',
    ],
    ...['--perms', '0644', '--ro-bind-data', String(fds.passwd), '/etc/passwd'],
    ...['--perms', '0644', '--ro-bind-data', String(fds.hosts), '/etc/hosts'],
    ...mounts.flatMap((mount) => ['--ro-bind', mount.from, mount.to]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--size', String(SCRATCH_BYTES.shm), '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
    ...['--perms', '1777', '--size', String(SCRATCH_BYTES.tmp), '--tmpfs', '/tmp'],
    ...['--perms', '0755', '--size', String(SCRATCH_BYTES.work), '--tmpfs', WORK_FOLDER],
    ...['--chdir', WORK_FOLDER, '--remount-ro', '/'],
    ...['--json-status-fd', String(fds.status)],
    ...(fds.seccomp === null ? [] : ['--seccomp', String(fds.seccomp)]),
    '--',
  ];
}

/** /usr and what points into it, as this machine has it. */
function baseSystem(): string[] {
  const parts = ['--ro-bind', '/usr', '/usr'];
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) parts.push('--symlink', readlinkSync(path), path);
    else if (stat?.isDirectory()) parts.push('--ro-bind', path, path);
  }
  return parts;
}

/** Every parent made by hand: those that bubblewrap makes on its own are closed to other users. */
function folders(paths: readonly string[]): string[] {
  const all = new Set<string>();
  for (let path of paths) {
    for (; path !== '/' && path !== '.'; path = dirname(path))
      if (path !== '/usr' && !path.startsWith('/usr/')) all.add(path);
  }
  return [...all].sort().flatMap((path) => ['--perms', '0755', '--dir', path]);
}
