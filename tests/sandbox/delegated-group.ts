/** A memory group that root hands over to an ordinary user, as systemd and administrators do. */
import { chownSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DelegatedGroup extends Disposable {
  /** Whoever writes 0 into this file is in it. */
  readonly entrance: string;
}

/** Null where the kernel of this machine has nothing to hand over: a container, or no root. */
export function delegateGroup(uid: number): DelegatedGroup | null {
  return firstVersion(uid) ?? secondVersion(uid);
}

function firstVersion(uid: number): DelegatedGroup | null {
  const own = /^\d+:[^:]*\bmemory\b[^:]*:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  const folder = join('/sys/fs/cgroup/memory', own ?? '', `test-${process.pid}-${uid}`);
  if (own === undefined || !made(folder)) return null;
  chownSync(folder, uid, uid);
  return { entrance: join(folder, 'tasks'), [Symbol.dispose]: () => remove(folder) };
}

function secondVersion(uid: number): DelegatedGroup | null {
  const folder = join('/sys/fs/cgroup', `test-${process.pid}-${uid}`);
  const leaf = join(folder, 'leaf');
  if (!made(folder)) return null;
  try {
    writeFileSync(join(folder, 'cgroup.subtree_control'), '+memory');
    mkdirSync(leaf);
    for (const path of [folder, leaf, join(folder, 'cgroup.procs'), join(leaf, 'cgroup.procs')])
      chownSync(path, uid, uid);
  } catch {
    remove(folder);
    return null;
  }
  return { entrance: join(leaf, 'cgroup.procs'), [Symbol.dispose]: () => remove(folder) };
}

function made(folder: string): boolean {
  try {
    mkdirSync(folder);
    // Where no such file system is there is only a folder.
    return readdirSync(folder).includes('cgroup.procs') || remove(folder);
  } catch {
    return false;
  }
}

function remove(folder: string): false {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) remove(join(folder, entry.name));
  }
  rmdirSync(folder);
  return false;
}
