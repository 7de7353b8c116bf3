import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import PQueue from 'p-queue';
import { expect, it } from 'vitest';
import { startProcess } from '../../../src/base/processes/child-process.js';
import { findProgram, SYSTEM_PATH } from '../../../src/sandbox/toolchains.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { describeSandbox, processesWith } from '../real-sandbox.js';

const source = join(import.meta.dirname, '../../../src/sandbox');

/** A secpi that starts one run, says each step that touches the system once the sandbox is being started, and dies before the step that it is told. */
const PROGRAM = `
import child_process from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { featuresOf } from '${source}/runs/bubblewrap.ts';
import { PlainPipes } from '${source}/runs/plain-pipes.ts';
import { runInSandbox } from '${source}/runs/sandbox-run.ts';
import { seccompFilter } from '${source}/runs/seccomp.ts';

const [bubblewrap, version, marker, last] = process.argv.slice(2);
const { spawn, } = child_process;
const { writeSync } = fs;
const seen = new Map();
let armed = false;
let steps = 0;
function step(name) {
  if (!armed) return;
  const often = (seen.get(name) ?? 0) + 1;
  seen.set(name, often);
  if (often > 2) return; // what is asked again until it has happened
  steps += 1;
  if (last === 'none') writeSync(1, name + '\\n');
  if (steps === Number(last)) process.kill(process.pid, 'SIGKILL');
}
for (const name of ['openSync', 'readFileSync', 'writeFileSync', 'writeSync', 'closeSync', 'fchmodSync', 'fchownSync', 'statfsSync', 'readdirSync']) {
  const real = fs[name];
  fs[name] = (...given) => {
    step(name + ' ' + String(given[0]).replace(/\\d+/g, 'N'));
    return real(...given);
  };
}
child_process.spawn = (...given) => {
  if (given[1].includes(marker)) armed = true;
  step('spawn');
  const child = spawn(...given);
  step('spawned');
  return child;
};
const { end } = net.Socket.prototype;
net.Socket.prototype.end = function (...given) {
  step('write ' + String(given[0]).slice(0, 8));
  const answer = end.apply(this, given);
  step('written ' + String(given[0]).slice(0, 8));
  return answer;
};
syncBuiltinESMExports();

const filter = seccompFilter(process.arch);
const machine = {
  bubblewrap: { program: bubblewrap, version, features: featuresOf(version) },
  asRoot: process.getuid() === 0,
  tools: { prlimit: '/usr/bin/prlimit', setpriv: '/usr/bin/setpriv', env: '/usr/bin/env' },
  pipes: new PlainPipes(),
  seccomp: filter === null ? null : { plain: filter, trace: filter },
  groups: null,
  otherProcesses: 0,
};
const end_of_it = new AbortController();
void runInSandbox(machine, null, { toolchain: null, argv: ['sleep', '60', marker], files: [{ path: 'in', content: 'in' }], stdin: 'in' }, end_of_it.signal);
// The program runs by now.
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 4000);
`;

/** Where the kernel is asked to end a process with its parent, that takes its time, as it does on a busy machine; in the first process inside, FIRST. */
const SLOW = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>
int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long a = va_arg(list, unsigned long), b = va_arg(list, unsigned long);
  unsigned long c = va_arg(list, unsigned long), d = va_arg(list, unsigned long);
  va_end(list);
  if (option == PR_SET_PDEATHSIG) usleep(getpid() == 1 ? FIRST : 100000);
  int (*real)(int, ...) = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
  return real(option, a, b, c, d);
}
`;

describeSandbox('a secpi that is killed', () => {
  it('leaves nothing, at whatever step of a start', async () => {
    await using folder = await temporaryFolder();
    const real = findProgram('bwrap', SYSTEM_PATH) ?? findProgram('bwrap', process.env.PATH ?? '') ?? '';
    const version = /\d+(\.\d+)+/.exec(spawnSync(real, ['--version']).stdout.toString())?.[0] ?? '';
    const program = join(folder.path, 'program.mjs');
    await build({
      stdin: { contents: PROGRAM, loader: 'ts', resolveDir: import.meta.dirname },
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
      banner: {
        js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
      },
    });
    const compiler = findProgram('gcc', SYSTEM_PATH) ?? 'none';
    const slow = (name: string, microseconds: number) => {
      const library = join(folder.path, `${name}.so`);
      const options = ['-shared', '-fPIC', `-DFIRST=${microseconds}`, '-o', library, '-x', 'c', '-', '-ldl'];
      const preload = spawnSync(compiler, options, { input: SLOW }).status === 0 ? `LD_PRELOAD=${library} ` : '';
      const path = join(folder.path, name);
      writeFileSync(path, `#!/bin/sh\n${preload}exec ${real} "$@"\n`, { mode: 0o755 });
      return path;
    };
    const [quick, late] = [slow('quick', 0), slow('late', 1_500_000)];

    const dying = async (bubblewrap: string, last: string) => {
      const marker = `0.${randomInt(2 ** 47)}`;
      const secpi = await startProcess({
        argv: [process.execPath, program, bubblewrap, version, marker, last],
        cwd: folder.path,
        env: { PATH: '/usr/bin:/bin' },
        stdout: { capture: { limitBytes: 100_000, overflow: 'stop' } },
        stderr: { capture: { limitBytes: 10_000, overflow: 'stop' } },
      });
      const { signal, stdout, stderr } = await secpi.exited;
      expect([last, signal, stderr]).toEqual([last, 'SIGKILL', '']);
      await expect.poll(() => processesWith(marker), { timeout: 10_000, message: `after step ${last}` }).toEqual([]);
      return stdout.trim().split('\n');
    };
    const steps = await dying(quick, 'none');
    expect(steps.at(0)).toBe('spawn');
    expect(steps).toContain('written go\n'.trim());
    const queue = new PQueue({ concurrency: 6 });
    const numbers = steps.slice(0, steps.indexOf('written go') + 4).map((_, index) => String(index + 1));
    await queue.addAll(numbers.map((number) => () => dying(quick, number)));
    // From where secpi has heard of the launcher.
    const waiting = steps.indexOf('openSync /proc/N/root/box');
    await queue.addAll(numbers.slice(waiting).map((number) => () => dying(late, number)));
  });
});
