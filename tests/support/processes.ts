import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ids of living processes whose command line holds the text. Zombies have none, so they do not count. */
export function processesNaming(text: string): number[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.map(Number).filter((id) => id !== process.pid && textOf(id, 'cmdline').includes(text));
}

/** The environment a process was started with. */
export function environmentOf(id: number): Record<string, string> {
  const pairs = textOf(id, 'environ')
    .split('\0')
    .filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** The folder that a process works in; empty once it is gone. */
export function cwdOf(id: number): string {
  try {
    return readlinkSync(`/proc/${id}/cwd`);
  } catch {
    return '';
  }
}

/** Waits until nothing of that name runs any more. Never resolves if it does; the test's own time limit ends that. */
export async function goneProcesses(text: string): Promise<void> {
  while (processesNaming(text).length > 0) await sleep(50);
}

function textOf(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return ''; // it ended while we looked
  }
}
