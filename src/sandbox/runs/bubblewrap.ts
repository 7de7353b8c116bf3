/**
 * The bubblewrap command line. Two ways in, one result: as an ordinary user a user namespace gives the right to mount;
 * as root there is none, bubblewrap keeps only the capabilities that `setpriv` needs to become an unprivileged user for
 * good (limits on processes do not count for root, and root could read every mounted file).
 */
import { dirname } from 'node:path';
import type { Mount } from '../toolchains.js';
import { baseSystem, isInBase } from './base-system.js';

/** The one writable place besides /tmp and /dev/shm, and the current folder of a run. */
export const WORK_FOLDER = '/box';

const MIB = 1024 * 1024;
/** Sizes of the three places in memory that a run can fill. */
const SCRATCH_BYTES = { work: 256 * MIB, tmp: 256 * MIB, shm: 16 * MIB } as const;

/** What an installed bubblewrap can do. */
export interface BubblewrapFeatures {
  /** From 0.7: sizes for the places in memory. */
  readonly sizes: boolean;
  /** From 0.8: user namespaces inside are switched off for good (the system-call filter refuses them as well). */
  readonly disableUserns: boolean;
}

/** The features of a version such as `0.8.0`, or `null` when it is older than 0.5 and cannot be used. */
export function featuresOf(version: string): BubblewrapFeatures | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const from = (wanted: number): boolean => major > 0 || minor >= wanted;
  return from(5) ? { sizes: from(7), disableUserns: from(8) } : null;
}

/** Descriptors of the bubblewrap process, as bubblewrap's arguments name them. */
export interface BubblewrapFds {
  /** Where bubblewrap reports the process id of the sandbox. */
  readonly status: number;
  readonly passwd: number;
  readonly hosts: number;
  readonly seccomp: number | null;
}

/** Arguments up to and including `--`; the command follows. */
export function bubblewrapArguments(
  asRoot: boolean,
  features: BubblewrapFeatures,
  mounts: readonly Mount[],
  fds: BubblewrapFds,
): string[] {
  const memory = (path: string, perms: string, bytes: number): string[] => [
    ...['--perms', perms, ...(features.sizes ? ['--size', String(bytes)] : []), '--tmpfs', path],
  ];
  return [
    ...(asRoot
      ? ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try']
      : ['--unshare-all', '--unshare-user', '--uid', '65534', '--gid', '65534']),
    ...(!asRoot && features.disableUserns ? ['--disable-userns'] : []),
    ...['--cap-drop', 'ALL'],
    ...(asRoot ? ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]) : []),
    ...['--die-with-parent', '--new-session', '--hostname', 'sandbox'],
    ...baseSystem(),
    ...folders(['/etc', ...mounts.filter((mount) => !inWork(mount)).map((mount) => dirname(mount.to))]),
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
    ...mounts.filter((mount) => !inWork(mount)).flatMap(shownReadOnly),
    ...['--proc', '/proc', '--dev', '/dev'],
    // bubblewrap's own: of an ordinary user it is the same user, and could be written to.
    ...['--perms', '0555', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1'],
    ...memory('/dev/shm', '1777', SCRATCH_BYTES.shm),
    ...['--remount-ro', '/dev'],
    ...memory('/tmp', '1777', SCRATCH_BYTES.tmp),
    ...memory(WORK_FOLDER, '0755', SCRATCH_BYTES.work),
    ...folders(mounts.filter(inWork).map((mount) => dirname(mount.to))),
    ...mounts.filter(inWork).flatMap(shownReadOnly),
    ...['--chdir', WORK_FOLDER, '--remount-ro', '/'],
    ...['--json-status-fd', String(fds.status)],
    ...(fds.seccomp === null ? [] : ['--seccomp', String(fds.seccomp)]),
    '--',
  ];
}

const inWork = ({ to }: Mount): boolean => to.startsWith(`${WORK_FOLDER}/`);

const shownReadOnly = ({ from, to }: Mount): string[] => ['--ro-bind', from, to];

/** Every parent made by hand: those that bubblewrap makes on its own are closed to other users. */
function folders(paths: readonly string[]): string[] {
  const all = new Set<string>();
  for (let path of paths) {
    for (; path !== '/' && path !== '.' && path !== WORK_FOLDER; path = dirname(path))
      if (!isInBase(path)) all.add(path);
  }
  return [...all].sort().flatMap((path) => ['--perms', '0755', '--dir', path]);
}
