/** Attacks in miniature, run for real: what a sandbox promises is tried out on this machine, with this kernel. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { Attack, Target } from './attacks/attack.js';
import { MEMORY } from './attacks/memory.js';
import { PROCESSES } from './attacks/processes.js';
import { REACHING_OUT } from './attacks/reaching-out.js';
import type { Sandbox } from './sandbox.js';

const ATTACKS: readonly Attack[] = [...REACHING_OUT, ...PROCESSES, ...MEMORY];

export interface SelfTestResult {
  readonly name: string;
  /** False: the attack worked, or could not be tried. */
  readonly ok: boolean;
  /** What was seen, in a few words. */
  readonly detail: string;
}

/**
 * Runs every attack, one after the other (a few seconds). All `ok` means that the sandbox holds what it promises. Needs
 * Python in the sandbox.
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
    connections: 0,
  };
  try {
    await listen(servers[1], `\0${socketName}`);
    chmodSync(folder, 0o755);
    writeFileSync(target.file, canary, { mode: 0o644 });
    const results: SelfTestResult[] = [];
    for (const attack of ATTACKS) {
      if (attack.needsSeccomp === true && !sandbox.level.seccomp) continue;
      results.push(await tryOut(attack, sandbox, target, signal));
    }
    return results;
  } finally {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tryOut(attack: Attack, sandbox: Sandbox, target: Target, signal: AbortSignal): Promise<SelfTestResult> {
  const { file, addresses, port, socketName } = target;
  const known = JSON.stringify({ file, addresses, port, socket: socketName, home: process.env.HOME ?? '/root' });
  const program = `import os, sys, json\ntarget = json.loads(sys.argv[1])\n${attack.program}`;
  try {
    const result = await sandbox.run(
      {
        toolchain: 'python',
        argv: ['python3', '-I', '-c', program, known],
        files: [],
        ...attack.run,
        limits: { wallSeconds: 20, ...attack.run?.limits },
      },
      signal,
    );
    return { name: attack.name, ...attack.judge(result, target) };
  } catch (error) {
    signal.throwIfAborted();
    return { name: attack.name, ok: false, detail: messageOf(error) };
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
