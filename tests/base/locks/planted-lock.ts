import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { LockRecord } from '../../../src/base/locks/lock.js';
import { type ProcessOwner, thisProcess } from '../../../src/base/processes/process-owner.js';

let folder: string;
let counter = 0;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-lock-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Where a lock can be, in a folder of its own that is still to be made. */
export function fresh(): string {
  counter += 1;
  return join(folder, String(counter), 'x.lock');
}

/** What is there beside a lock. */
export async function namesBeside(path: string): Promise<string[]> {
  return (await readdir(dirname(path))).sort();
}

export const never = (): AbortSignal => new AbortController().signal;

/** What the owner with this nonce writes: this process, but for what is said of it here. */
export async function recordOf(nonce: string, owner: Partial<ProcessOwner>): Promise<LockRecord> {
  return { schema: 1, nonce, since: '2026-01-01T00:00:00.000Z', owner: { ...(await thisProcess()), ...owner } };
}

export async function plant(path: string, nonce: string, owner: Partial<ProcessOwner>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(await recordOf(nonce, owner)));
}

export const ELSEWHERE: Partial<ProcessOwner> = { host: 'elsewhere', boot: 'other', machine: 'other' };

/** A process of this machine that goes on for the whole test: its own child. */
export async function otherProcess(): Promise<Partial<ProcessOwner>> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  return { pid: child.pid ?? 0, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
}

export const deadPid = (): number => spawnSync('true').pid;
