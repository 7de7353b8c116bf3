import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import * as z from 'zod';

/**
 * Who a process is, precisely enough that another process can later prove that it is gone. A pid alone is not: pids are
 * used again, differ between containers, and mean nothing on another host.
 */
export const processOwnerSchema = z.object({
  host: z.string(),
  /** Identity of the installed machine, so that "same host, other boot" can be told from "other host, same name". */
  machine: z.string(),
  boot: z.string(),
  pid_namespace: z.string(),
  pid: z.int().positive(),
  /** Start time as the system gives it: clock ticks since boot on Linux, a date elsewhere. Only compared for equality. */
  started: z.string(),
});
export type ProcessOwner = z.infer<typeof processOwnerSchema>;

/** `unknown` is an honest third answer: nothing may be taken from such an owner without a person's word. */
export type Liveness = 'alive' | 'dead' | 'unknown';

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

/** What a program of macOS prints; empty where it fails or is not there. */
async function outputOf(command: string, ...args: readonly string[]): Promise<string> {
  // Imported here because Linux never needs it and it takes a while to load.
  const { execa } = await import('execa');
  const result = await execa(command, args, { reject: false, stderr: 'ignore', env: { LC_ALL: 'C', TZ: 'UTC' } });
  return result.failed ? '' : result.stdout.trim();
}

async function bootOf(): Promise<string> {
  if (process.platform !== 'linux') return outputOf('sysctl', '-n', 'kern.bootsessionuuid');
  const id = await textOf('/proc/sys/kernel/random/boot_id');
  return id !== '' ? id : (/btime \d+/.exec(await textOf('/proc/stat'))?.[0] ?? '');
}

async function machineOf(): Promise<string> {
  if (process.platform === 'linux') return textOf('/etc/machine-id');
  const report = await outputOf('ioreg', '-rd1', '-c', 'IOPlatformExpertDevice');
  return /"IOPlatformUUID" = "([^"]+)"/.exec(report)?.[1] ?? '';
}

/** Start time of a process that runs; `zombie` when only its entry is left; undefined when the system does not say. */
async function startOf(pid: number): Promise<string | 'zombie' | undefined> {
  if (process.platform === 'linux') {
    // The second field is the command in brackets and may itself hold spaces and brackets, so count from the last one.
    const stat = await textOf(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'zombie';
    return fields[19];
  }
  const line = await outputOf('ps', '-o', 'stat=', '-o', 'lstart=', '-p', String(pid));
  return line.startsWith('Z') ? 'zombie' : /\s+(.+)/.exec(line)?.[1];
}

let mine: Promise<ProcessOwner> | undefined;

/** The record of this process. */
export function thisProcess(): Promise<ProcessOwner> {
  mine ??= (async () => ({
    host: hostname(),
    machine: await machineOf(),
    boot: await bootOf(),
    pid_namespace: await readlink('/proc/self/ns/pid').catch(() => ''),
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
  }))();
  return mine;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Whether an owner still runs, as far as this process can prove it. */
export async function livenessOf(owner: ProcessOwner): Promise<Liveness> {
  const me = await thisProcess();
  if (owner.boot === '' || me.boot === '') return 'unknown';
  if (owner.boot !== me.boot) {
    const rebooted = owner.host === me.host && owner.machine !== '' && owner.machine === me.machine;
    return rebooted ? 'dead' : 'unknown';
  }
  if (owner.pid_namespace !== me.pid_namespace) return 'unknown';
  const started = await startOf(owner.pid);
  if (started === undefined) return processExists(owner.pid) ? 'unknown' : 'dead';
  return started === owner.started ? 'alive' : 'dead';
}
