import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { environmentOf } from '../../tests/support/processes.js';

export interface Owner {
  readonly pid: number;
  readonly boot: string;
  readonly started: string;
}

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => id !== process.pid);

/** Programs of a job: what carries its mark. */
export const programsOf = (key: string): number[] =>
  pids().filter((id) => environmentOf(id).SECPI_JOB?.startsWith(`${key}/`) === true);

/** Processes that have a file below the folder open: whoever supervises a job holds its lock. */
export function holdersOf(folder: string): number[] {
  return pids().filter((id) => {
    try {
      return readdirSync(`/proc/${id}/fd`).some((fd) => readlinkSync(`/proc/${id}/fd/${fd}`).startsWith(`${folder}/`));
    } catch {
      return false; // it ended while we looked
    }
  });
}

/** Whose command line everybody may read, and it holds this. */
export function cmdlinesWith(text: string): string[] {
  return pids().flatMap((id) => {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, 'utf8');
      return line.includes(text) ? [line.replaceAll('\0', ' ').replaceAll(text, '<secret>')] : [];
    } catch {
      return [];
    }
  });
}

/** Files below the folders that hold this. */
export async function filesWith(text: string, folders: readonly string[]): Promise<string[]> {
  if (folders.length === 0) return [];
  // Not as an argument, where it would be found too.
  const grep = ['grep', '-rlsF', '-D', 'skip', '-f', '-', ...folders] as const;
  const { stdout } = await execa(grep[0], grep.slice(1), { input: text, reject: false });
  return stdout.split('\n').filter((line) => line !== '');
}

export async function containersOf(key: string): Promise<string[]> {
  for (;;) {
    // It fails while a container comes or goes whose network it looks at.
    const { stdout, exitCode } = await execa('podman', ['ps', '--all', '--format={{.Names}} {{.Status}}'], {
      reject: false,
    });
    if (exitCode === 0) return stdout.split('\n').filter((line) => line.startsWith(key));
    await sleep(200);
  }
}

/** Whether what everybody may ask of a container that runs holds this. */
export async function inspected(key: string, text: string): Promise<boolean> {
  const said = await execa('podman', ['inspect', `${key}-only`], { reject: false });
  return said.stdout.includes(text);
}

/** The newest attempt that somebody has begun, in a job's folder. */
export async function newestOwner(
  folder: string,
): Promise<{ readonly file: string; readonly owner: Owner } | undefined> {
  const attempts = await readdir(join(folder, 'attempts')).catch(() => []);
  for (const attempt of attempts.sort((a, b) => Number(b) - Number(a))) {
    const file = join(folder, 'attempts', attempt, 'owner.json');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return { file, owner: JSON.parse(text) as Owner };
  }
  return undefined;
}
