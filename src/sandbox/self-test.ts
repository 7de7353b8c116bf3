/** Attacks in miniature, run for real: what a sandbox promises is tried out on this machine, with this kernel. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { messageOf } from '../base/errors.js';
import type { Attack, BuildAttack, Finding, Target } from './attacks/attack.js';
import { COMPILING } from './attacks/compiling.js';
import { LIMITS } from './attacks/limits.js';
import { MEMORY } from './attacks/memory.js';
import { PROCESSES } from './attacks/processes.js';
import { REACHING_OUT } from './attacks/reaching-out.js';
import { SYSTEM_CALLS } from './attacks/system-calls.js';
import { isInBase } from './runs/base-system.js';
import type { Sandbox, SandboxLevel, SandboxRun } from './sandbox.js';

const ATTACKS: readonly Attack[] = [...REACHING_OUT, ...PROCESSES, ...LIMITS, ...SYSTEM_CALLS, ...MEMORY];

/** Most of them wait for something. */
const AT_ONCE = 4;

export interface SelfTestResult {
  readonly name: string;
  /** False: the attack worked, or could not be tried. */
  readonly ok: boolean;
  /** What was seen, in a few words. */
  readonly detail: string;
}

/**
 * Runs every attack (some ten seconds), and again as what a suite may ask for: where processes may trace each other and all packs are shown, and as
 * a part of a compiler. All `ok` means that the sandbox holds what it promises. Needs Python in the sandbox.
 */
export async function selfTest(sandbox: Sandbox, signal: AbortSignal): Promise<readonly SelfTestResult[]> {
  if (sandbox.toolchains.python === undefined) {
    return [{ name: 'attacks', ok: false, detail: 'not tried: they are written in Python, which is missing' }];
  }
  const folder = mkdtempSync(join(tmpdir(), 'secpi-self-test-'));
  const canary = randomBytes(16).toString('hex');
  const socketName = `secpi-${canary.slice(0, 12)}`;
  const count = (): void => {
    target.connections += 1;
  };
  const servers = [createServer(count), createServer(count)] as const;
  const target: Target = {
    canary,
    file: join(folder, 'canary'),
    addresses: [
      '127.0.0.1',
      ...Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []),
    ],
    port: await listen(servers[0], 0),
    socketName,
    folders: [process.env.HOME ?? '/root', process.cwd(), tmpdir()].filter(
      (path) => !TAKEN.includes(path) && !isInBase(path),
    ),
    level: sandbox.level,
    connections: 0,
  };
  const queue = new PQueue({ concurrency: AT_ONCE });
  try {
    await listen(servers[1], `\0${socketName}`);
    chmodSync(folder, 0o755);
    writeFileSync(target.file, canary, { mode: 0o644 });
    const ways = await waysOf(sandbox, signal);
    const all = ATTACKS.filter((attack) => fits(attack, sandbox.level)).flatMap((attack) =>
      ways
        .slice(0, attack.once === true ? 1 : undefined)
        .map((way) => () => tryOut(attack, way, sandbox, target, signal)),
    );
    const builds = COMPILING.filter(({ language }) => sandbox.toolchains[language] !== undefined).map(
      (attack) => () => tryBuild(attack, sandbox, target, signal),
    );
    return await queue.addAll([...all, ...builds]);
  } finally {
    queue.clear();
    await queue.onIdle();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What inside has these names is a run's own. */
const TAKEN = ['/', '/tmp', '/box', '/dev/shm'];

function fits({ needsSeccomp, needsIsolation }: Attack, { seccomp, kind }: SandboxLevel): boolean {
  return (needsSeccomp !== true || seccomp) && (needsIsolation !== true || kind !== 'none');
}

/** How a program comes to run. */
interface Way {
  /** Behind the names of attacks. */
  readonly name: string;
  readonly run: (program: string) => Pick<SandboxRun, 'toolchain' | 'argv' | 'files'> & Partial<SandboxRun>;
}

async function waysOf(sandbox: Sandbox, signal: AbortSignal): Promise<readonly Way[]> {
  const ask = ['python3', '-I', '-c', 'import sys; print(sys.executable)'];
  const asked = await sandbox.run({ toolchain: 'python', argv: ask, files: [] }, signal);
  // By its path: packs may hold another.
  const python = asked.stdout.trim();
  const packs = Object.keys(sandbox.packs);
  const plain: Way = {
    name: '',
    run: (program) => ({ toolchain: 'python', argv: [python, '-I', program], files: [] }),
  };
  if (sandbox.level.kind === 'none') return [plain];
  const wide: Way = {
    name: packs.length === 0 ? ', tracing' : ', tracing and with packs',
    run: (program) => ({ ...plain.run(program), trace: true, packs }),
  };
  const compiler: Way = {
    name: ', as a compiler',
    run: (program) => ({
      toolchain: 'c',
      argv: ['gcc', '-wrapper', `${python},-I,${program}`, '-E', 'empty.c'],
      files: [{ path: 'empty.c', content: '' }],
    }),
  };
  const compiles = sandbox.toolchains.c !== undefined && isInBase(realpathSync(python));
  return [plain, wide, ...(compiles ? [compiler] : [])];
}

async function tryOut(
  attack: Attack,
  way: Way,
  sandbox: Sandbox,
  target: Target,
  signal: AbortSignal,
): Promise<SelfTestResult> {
  const { file, addresses, port, socketName, folders } = target;
  const known = JSON.stringify({ file, addresses, port, socket: socketName, folders });
  const program = `import os, sys, json\ntarget = json.loads(${JSON.stringify(known)})\n${attack.program}`;
  const marker = `attack-${randomBytes(8).toString('hex')}`;
  const { files, ...run } = way.run(`${marker}.py`);
  return attempt(attack.name + way.name, signal, async () => {
    const result = await sandbox.run(
      {
        ...run,
        files: [...files, { path: `${marker}.py`, content: program }],
        collect: attack.run?.collect ?? [],
        limits: { wallSeconds: 20, ...attack.run?.limits },
      },
      signal,
    );
    return attack.judge(result, target, marker);
  });
}

function tryBuild(attack: BuildAttack, sandbox: Sandbox, target: Target, signal: AbortSignal): Promise<SelfTestResult> {
  return attempt(attack.name, signal, async () =>
    attack.judge(await sandbox.run({ toolchain: attack.language, ...attack.run(target) }, signal), target),
  );
}

async function attempt(name: string, signal: AbortSignal, attack: () => Promise<Finding>): Promise<SelfTestResult> {
  try {
    return { name, ...(await attack()) };
  } catch (error) {
    signal.throwIfAborted();
    return { name, ok: false, detail: messageOf(error) };
  }
}

function listen(server: Server, where: 0 | string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    };
    if (where === 0) server.listen(0, done);
    else server.listen(where, done);
  });
}
