/**
 * Memory groups of the kernel (cgroups), where this user may make some: as root with version 1, and with version 2 below a group that was
 * delegated, as systemd does for users. The kernel then counts all that a run holds, kernel memory included, and lets none of it go
 * beyond the limit. Files: `Documentation/admin-guide/cgroup-v1/memory.rst` and `cgroup-v2.rst` of Linux.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../base/files/system-code.js';

/** One run's group. */
export interface MemoryGroup {
  /** A process that writes 0 into this file is in it from then on, with all that it starts. */
  readonly entrance: string;
  /** Whether the kernel had to kill something to keep the limit. */
  overLimit(): boolean;
  /** When nothing is in it any more. */
  release(): void;
}

export interface MemoryGroups {
  readonly version: 1 | 2;
  take(limitBytes: number): MemoryGroup;
}

/** Names of our groups say whose they are. Those that a killed secpi left are removed by a later one. */
const PREFIX = 'secpi-';
/** Of a secpi in another container nobody here can say whether it runs. */
const LEFT_SECONDS = 3600;

/** Groups can be made in the first of these folders that lets us; null where there is none. */
export function findMemoryGroups(proc = '/proc/self'): MemoryGroups | null {
  for (const { version, folder } of candidates(proc)) {
    const groups = new Groups(version, folder);
    try {
      groups.take(1 << 30).release();
    } catch {
      groups.remove();
      continue;
    }
    removeLeft(folder);
    process.once('exit', () => groups.remove());
    return groups;
  }
  return null;
}

interface Candidate {
  readonly version: 1 | 2;
  readonly folder: string;
}

function candidates(proc: string): readonly Candidate[] {
  const found: Candidate[] = [];
  const mounts = readFileSync(join(proc, 'mountinfo'), 'utf8').trim().split('\n').map(parseMount);
  for (const line of readFileSync(join(proc, 'cgroup'), 'utf8').trim().split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const unified = controllers === '';
    if (!unified && !controllers.split(',').includes('memory')) continue;
    const mount = mounts.find(({ type, options }) =>
      unified ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes('memory'),
    );
    if (mount === undefined) continue;
    const below = path.startsWith(mount.root) ? path.slice(mount.root === '/' ? 0 : mount.root.length) : '';
    const own = join(mount.point, below);
    if (!unified) found.push({ version: 1, folder: own });
    // A group that has processes hands on no memory: ours are made beside it, or further up.
    for (let folder = own; unified && folder.startsWith(mount.point); folder = dirname(folder)) {
      if (handsOnMemory(folder)) found.push({ version: 2, folder });
    }
  }
  return found;
}

function parseMount(line: string) {
  const fields = line.split(' ');
  const dash = fields.indexOf('-');
  return {
    root: fields[3] ?? '/',
    point: fields[4] ?? '',
    type: fields[dash + 1] ?? '',
    options: fields[dash + 3] ?? '',
  };
}

function handsOnMemory(folder: string): boolean {
  try {
    return readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8').trim().split(' ').includes('memory');
  } catch {
    return false;
  }
}

/** What killed ones left in a folder of groups. */
export function removeLeft(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    try {
      if (name.startsWith(PREFIX) && isLeft(name, path)) rmdirSync(path);
    } catch {
      // Something is in it, or another secpi was first.
    }
  }
}

function isLeft(name: string, path: string): boolean {
  const [, namespace, pid = '', started] = name.split('-');
  if (namespace !== pidNamespace()) return Date.now() - statSync(path).mtimeMs > LEFT_SECONDS * 1000;
  return startOf(pid) !== started;
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
}

/** When a process began, in ticks of the kernel's; empty for one that is not there. */
function startOf(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Making and removing one takes far longer than a run's start does: they are used again. */
class Groups implements MemoryGroups {
  readonly version: 1 | 2;
  readonly #folder: string;
  readonly #all = new Set<string>();
  readonly #idle: string[] = [];

  constructor(version: 1 | 2, folder: string) {
    this.version = version;
    this.#folder = folder;
  }

  take(limitBytes: number): MemoryGroup {
    for (;;) {
      const known = this.#idle.pop();
      const path = known ?? this.#make();
      try {
        this.#limit(path, limitBytes);
        return this.#group(path);
      } catch (error) {
        // Another secpi has taken a group for left behind that nothing was in for an hour.
        this.#all.delete(path);
        if (known === undefined || systemCode(error) !== 'ENOENT') throw error;
      }
    }
  }

  remove(): void {
    for (const path of this.#all) {
      try {
        rmdirSync(path);
      } catch {
        // Something is in it still; a later secpi removes it.
      }
    }
  }

  #make(): string {
    const owner = `${pidNamespace()}-${process.pid}-${startOf(String(process.pid))}`;
    const path = join(this.#folder, `${PREFIX}${owner}-${randomBytes(8).toString('hex')}`);
    mkdirSync(path);
    this.#all.add(path);
    return path;
  }

  #limit(path: string, bytes: number): void {
    const set = (name: string, value: string): void => writeFileSync(join(path, name), value);
    // Not every kernel counts swap, and not every one kills a group as a whole.
    const trySet = (name: string, value: string): void => {
      try {
        set(name, value);
      } catch {
        // The rest of the limit holds all the same.
      }
    };
    if (this.version === 2) {
      set('memory.max', String(bytes));
      trySet('memory.swap.max', '0');
      trySet('memory.oom.group', '1');
      return;
    }
    // Memory with swap can never be less than memory alone, in between neither.
    trySet('memory.memsw.limit_in_bytes', '-1');
    set('memory.limit_in_bytes', String(bytes));
    trySet('memory.memsw.limit_in_bytes', String(bytes));
  }

  #group(path: string): MemoryGroup {
    const kills = (): number => {
      const file = join(path, this.version === 2 ? 'memory.events' : 'memory.oom_control');
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
    };
    const before = kills();
    return {
      // Only here the kernel takes its word for it, and does not wait until nobody forks.
      entrance: join(path, this.version === 2 ? 'cgroup.procs' : 'tasks'),
      overLimit: () => kills() > before,
      release: () => {
        this.#idle.push(path);
      },
    };
  }
}
