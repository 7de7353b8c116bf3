/** Mounts that only one process and its children see, e.g. a file system that is read-only. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { hasMeans } from './means.js';

/** How to get a view of the file system that can be changed; as root, or where this kernel lets anybody. */
const unshare = [
  ['unshare', '--mount'],
  ['unshare', '--mount', '--map-root-user'],
].find(([program = '', ...options]) => {
  const shell = ['sh', '-e', '-c', readOnly(tmpdir())];
  return spawnSync(program, [...options, ...shell], { stdio: 'ignore' }).status === 0;
});
export const canMount = hasMeans(unshare !== undefined, 'nothing can be mounted here');

/** A command that begins with what the shell lines `mounts` do; nobody else sees that, and it ends with the command. */
export function withMounts(mounts: readonly string[], command: readonly string[]): readonly [string, ...string[]] {
  const [program = '', ...options] = unshare ?? [];
  return [program, ...options, 'sh', '-c', ['set -e', ...mounts, 'exec "$@"'].join('\n'), 'sh', ...command];
}

/** Makes a folder a read-only file system. */
export function readOnly(folder: string): string {
  return `mount --bind '${folder}' '${folder}'\nmount -o remount,bind,ro '${folder}'`;
}
