/** What every run sees of this machine: programs, libraries and their data below `/usr`, and nothing that somebody else put there. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const SHOWN = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libexec', 'include', 'share'];
const SHOWN_LOCAL = ['bin', 'sbin', 'lib', 'lib64', 'libexec', 'include', 'share'];
/** Linkers and headers of some distributions: `/usr/x86_64-linux-gnu`. */
const TRIPLET = /^(?:x86_64|aarch64)-[a-z0-9_-]+$/;

let known: { readonly arguments: readonly string[]; readonly shown: readonly string[] } | undefined;

/** Arguments of bubblewrap. */
export function baseSystem(): readonly string[] {
  return look().arguments;
}

/** Whether a path is a part of it. */
export function isInBase(path: string): boolean {
  return look().shown.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

function look(): NonNullable<typeof known> {
  known ??= lookOnce();
  return known;
}

function lookOnce() {
  const parts: string[] = [];
  const shown: string[] = [];
  const show = (path: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) parts.push('--symlink', readlinkSync(path), path);
    else if (stat?.isDirectory()) {
      parts.push('--ro-bind', path, path);
      shown.push(path);
    }
  };
  parts.push('--perms', '0755', '--dir', '/usr', '--perms', '0755', '--dir', '/usr/local');
  const triplets = readdirSync('/usr').filter((name) => TRIPLET.test(name));
  for (const name of [...SHOWN, ...triplets]) show(join('/usr', name));
  for (const name of SHOWN_LOCAL) show(join('/usr/local', name));
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) show(path);
  return { arguments: parts, shown };
}
