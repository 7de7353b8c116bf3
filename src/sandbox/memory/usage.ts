/** What a run holds, as far as it can be seen from outside: what its processes have written to, and what lies in its places in memory. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';

/** The places that a run can fill, all in memory. */
const PLACES = ['/box', '/tmp', '/dev/shm'];

const KIB = 1024;

/** Entries in the places in memory: each costs about a KiB that is counted nowhere else. */
export function filesIn(firstPid: number): number {
  return sum(
    PLACES.map((place) => statfsSync(`/proc/${firstPid}/root${place}`)).map(({ files, ffree }) => files - ffree),
  );
}

/** Whether a run holds more than that. Looks closer, which takes longer, only where processes could have pages in common. */
export function holdsMoreThan(bytes: number, firstPid: number): boolean {
  return bytesHeld(firstPid, 'status', privateBytes) > bytes && bytesHeld(firstPid, 'smaps_rollup', ownShare) > bytes;
}

/**
 * Bytes held by a run, by its first process. Kernel memory (pipes, sockets) is not in it. May be too high while processes come and go,
 * and throws when the run is over.
 */
function bytesHeld(firstPid: number, file: string, own: (text: string) => number): number {
  const root = `/proc/${firstPid}/root`;
  const shared = new Map<string, number>();
  let bytes = filesIn(firstPid) * KIB;
  for (const place of PLACES) {
    const { blocks, bfree, bsize } = statfsSync(root + place);
    bytes += (blocks - bfree) * bsize;
  }
  for (const name of readdirSync(`${root}/proc`)) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const holder = holderOf(`${root}/proc/${name}`);
      bytes += own(readFileSync(`${holder}/${file}`, 'utf8'));
      for (const [key, size] of sharedMappings(readFileSync(`${holder}/maps`, 'utf8'))) shared.set(key, size);
    } catch {
      // Gone in this moment, or the first, which is hidden.
    }
  }
  return bytes + sum([...shared.values()]);
}

/** Where the memory of a process is told. Of one whose first thread has ended nothing is, but of the threads that go on without it. */
function holderOf(process: string): string {
  const { state, threads } = stateIn(readFileSync(`${process}/status`, 'utf8'));
  if (state !== 'Z' || threads < 2) return process;
  const all = readdirSync(`${process}/task`).map((thread) => `${process}/task/${thread}`);
  return all.find(isLiving) ?? process;
}

function isLiving(thread: string): boolean {
  try {
    return stateIn(readFileSync(`${thread}/status`, 'utf8')).state !== 'Z';
  } catch {
    return false;
  }
}

function stateIn(status: string): { readonly state: string; readonly threads: number } {
  const [, state = '', threads = '1'] = /^State:\t(\S)[\s\S]*^Threads:\t(\d+)$/m.exec(status) ?? [];
  return { state, threads: Number(threads) };
}

/** Private pages where those that a fork left in common count for each by its share: smaps_rollup. */
export function ownShare(rollup: string): number {
  return kibIn(rollup, /^(?:Pss_Anon|SwapPss):\s+(\d+) kB$/gm);
}

/** Private pages, those that were swapped out, and the tables that say where they are. */
export function privateBytes(status: string): number {
  return kibIn(status, /^(?:RssAnon|VmSwap|VmPTE):\s+(\d+) kB$/gm);
}

/**
 * Memory that processes share without a file, by what it is. Its whole size: pages stay when nobody who counts pages sees them any more. It
 * goes when the last one unmaps it.
 */
export function sharedMappings(maps: string): ReadonlyMap<string, number> {
  const line = /^([0-9a-f]+)-([0-9a-f]+) ..(?:.)s [0-9a-f]+ (\S+ \d+)\s+\/(?:dev\/zero|memfd:.*|SYSV.*) \(deleted\)$/gm;
  const found = new Map<string, number>();
  for (const [, from = '0', to = '0', inode = ''] of maps.matchAll(line)) {
    found.set(inode, (found.get(inode) ?? 0) + Number.parseInt(to, 16) - Number.parseInt(from, 16));
  }
  return found;
}

function kibIn(text: string, lines: RegExp): number {
  return sum([...text.matchAll(lines)].map(([, kib]) => Number(kib) * KIB));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
