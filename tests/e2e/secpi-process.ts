import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import type { Manifest } from '../../src/engine/artifacts/manifest.js';
import type { JournalEvent, RunFinished } from '../../src/engine/runs/event.js';

/** The built command line, as users run it. */
const secpi = join(packageRoot, 'bin', 'secpi.js');
export const smallRecipe = join(packageRoot, 'tests', 'e2e', 'small.yaml');
export const quickstartRecipe = join(packageRoot, 'recipes', 'quickstart.yaml');

/** A run of the real program in its own process group, as a shell would start it. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
  /** Resolves once the run has said this; rejects when it ends before. */
  said(matches: (event: JournalEvent) => boolean): Promise<void>;
  killGroup(signal: NodeJS.Signals): void;
}

/** A state directory of its own, gone when the test file is through: each holds a few trained models. */
export async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'secpi-e2e-'));
  homes.push(home);
  return home;
}

const homes: string[] = [];
afterAll(async () => {
  for (const home of homes) await rm(home, { recursive: true, force: true });
});

/** Starts `secpi ARGS --json` with its state in `home`. */
export function start(
  args: readonly string[],
  home: string,
  environment: Readonly<Record<string, string>> = {},
): Started {
  const child = spawn(process.execPath, [secpi, ...args, '--json'], {
    cwd: packageRoot,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, SECPI_HOME: home },
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Awaited<Started['ended']>>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    child,
    ended,
    said: (matches) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!eventsIn(stdout).some(matches)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(({ code }) =>
          reject(new Error(`the run ended with ${code} before:\n${stdout.slice(-2000)}${stderr}`)),
        );
      }),
    killGroup: (signal) => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has ended by itself meanwhile.
      }
    },
  };
}

/** Whole lines of journal events in what was printed so far. */
export function eventsIn(stdout: string): JournalEvent[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as JournalEvent]));
}

export function finishedIn(stdout: string): RunFinished {
  const last = eventsIn(stdout).at(-1);
  if (last?.type !== 'run-finished') throw new Error(`the last line is no run-finished: ${stdout.slice(-500)}`);
  return last;
}

/** Every output of every artifact with its hash, by stage: what must not depend on how a run was interrupted. */
export async function outputsIn(home: string): Promise<Record<string, readonly { path: string; sha256: string }[]>> {
  const outputs: Record<string, { path: string; sha256: string }[]> = {};
  const artifacts = join(home, 'artifacts');
  for (const stage of (await readdir(artifacts)).sort()) {
    const [name, ...others] = await readdir(join(artifacts, stage));
    if (name === undefined || others.length > 0) throw new Error(`${stage} has ${others.length + 1} artifacts`);
    const manifest = JSON.parse(await readFile(join(artifacts, stage, name), 'utf8')) as Manifest;
    outputs[stage] = manifest.outputs.map(({ path, sha256 }) => ({ path, sha256 }));
  }
  return outputs;
}

/** Processes that have this folder in their command line or work in it: children that outlived their run. */
export function processesUsing(folder: string): readonly { readonly pid: number; readonly command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (command.includes(folder)) found.push({ pid: Number(name), command });
    } catch {
      // Gone while we looked.
    }
  }
  return found;
}
