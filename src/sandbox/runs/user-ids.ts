import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface Range {
  readonly first: number;
  readonly count: number;
}

/** Ids that systemd's table of assignments (https://systemd.io/UIDS-GIDS) leaves unused. */
const UNUSED: Range = { first: 0x7000_0000, count: 1 << 24 };
/** Where a container has 65,536 ids and no more. */
const FEW: Range = { first: 61_000, count: 4000 };

const used = new Set<number>();
let range: Range | undefined;

/**
 * A user id of its own for each run that is under way, so that its process limit counts it alone. At random: secpi in another container
 * takes from the same ids, and has the same process id.
 */
export function takeUserId(): number {
  range ??= isMapped(UNUSED) ? UNUSED : FEW;
  for (let tries = 0; ; tries += 1) {
    const id = range.first + randomInt(range.count);
    if (used.has(id) && tries < FEW.count) continue;
    used.add(id);
    return id;
  }
}

export function returnUserId(id: number): void {
  used.delete(id);
}

function isMapped({ first, count }: Range): boolean {
  const map = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return map.some((line) => {
    const [from = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
    return from <= first && first + count <= from + length;
  });
}
