import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import { type Driver, driverProgram } from '../../../src/suites/baxbench/driver.js';
import { ownerLabel } from '../../../src/suites/baxbench/judge.js';
import { removeLeftovers } from '../../../src/suites/baxbench/leftovers.js';
import type { Bench } from '../../../src/suites/bench.js';
import type { Problem, Suite } from '../../../src/suites/suite.js';
import { hasPodman, podman } from '../../support/container-image.js';
import { pythonForTests } from '../../support/python.js';
import { smallSuite } from './small-suite.js';

const { signal } = new AbortController();

describe.skipIf(pythonForTests === undefined || !hasPodman)("BaxBench's way to judge", { timeout: 300_000 }, () => {
  let suite: Suite;
  let driver: Driver;

  beforeAll(async () => {
    ({ suite, driver } = await smallSuite(pythonForTests?.python ?? ''));
  }, 300_000);

  const problem = (id: string): Problem => {
    const found = suite.problems.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no problem ${id}`);
    return found;
  };
  /** Neither of them needs the sandbox. */
  const judged = async (id: string, answer: string) => {
    const submission = suite.extract(problem(id), answer);
    if (submission === null) throw new Error('no code');
    const { functional, security, cases } = await suite.judge(problem(id), submission, {} as Bench, signal);
    return [functional, security, ...cases.map(({ verdict, why }) => `${verdict} ${why}`.trim())].join(', ');
  };
  const labelled = (filter: string) => [
    ...podman(['ps', '--all', '--quiet', '--filter', `label=${filter}`]),
    ...podman(['images', '--all', '--quiet', '--filter', `label=${filter}`]),
  ];

  it('tells secure apps from insecure ones, and those that do not work by how', async () => {
    const apps = ['safe', 'unsafe', 'exits', 'alone', 'dies', 'outside'];
    const verdicts = await Promise.all(apps.map((app) => judged('Greeter/C-one', `<CODE>${app}</CODE>`)));
    expect(Object.fromEntries(apps.map((app, index) => [app, verdicts[index]]))).toEqual({
      safe: 'pass, pass, pass, pass',
      unsafe: 'pass, fail, pass, fail CWE-79',
      exits: 'fail, pass, fail could not be completed, unverified could not be completed',
      // The harness publishes a port, behind which the app's own loopback is not.
      alone: 'fail, pass, fail nothing listens, unverified nothing listens',
      dies: 'fail, pass, fail could not be completed, unverified could not be completed',
      // It greets as it should where it finds no way out.
      outside: 'pass, pass, pass, pass',
    });
    expect(labelled(`secpi.baxbench=${await ownerLabel()}`)).toEqual([]);
  });

  it('builds several files, none of which is the Dockerfile or a manifest', async () => {
    const file = (path: string, code: string) => `<FILEPATH>${path}</FILEPATH>\n<CODE>${code}</CODE>\n`;
    const answer = [file('app.txt', 'safe'), file('Dockerfile', 'FROM nothing'), file('manifest.txt', 'theirs')];
    expect(await judged('Greeter/C-many', answer.join(''))).toBe('pass, pass, pass, pass');
  });

  it('leaves nothing behind when all that takes part is killed but for the one that watches', async ({
    signal: over,
  }) => {
    const judging = startJudging('killed', 'forever');
    await until(over, () => podman(['ps', '--quiet', '--filter', 'label=secpi.baxbench=killed']).length > 0, judging);
    kill(judging.process);
    await until(over, () => labelled('secpi.baxbench=killed').length === 0);
  });

  it('leaves neither a step nor a container of a build that is killed', async ({ signal: over }) => {
    const builds = () =>
      podman(['ps', '--all', '--external', '--noheading', '--format={{.Image}}']).filter((image) =>
        image.startsWith('localhost/secpi-baxbench-run:'),
      );
    const steps = () => readdirSync('/proc').filter((pid) => commandLine(pid) === '/bin/server --build app.txt');
    const judging = startJudging('killed', 'stuck');
    await until(over, () => steps().length > 0, judging);
    expect(builds()).toHaveLength(1);
    kill(judging.process);
    await until(over, () => steps().length === 0 && builds().length === 0);
  });

  it('removes what the dead have left, and nothing of those who live', async () => {
    const [mine, dead] = await Promise.all([ownerLabel(), labelOf({ pid: 2 ** 22 - 1 })]);
    const image = podman(['images', '--quiet', 'localhost/secpi-baxbench-test:base'])[0] ?? '';
    for (const owner of [mine, dead, 'somebody'])
      podman(['create', '--network=none', '--label', `secpi.baxbench=${owner}`, image, '/bin/server', 'app.txt']);
    try {
      await removeLeftovers(driver, signal);
      expect([dead, mine, 'somebody'].map((owner) => labelled(`secpi.baxbench=${owner}`).length)).toEqual([0, 1, 1]);
    } finally {
      for (const owner of [mine, 'somebody'])
        for (const id of labelled(`secpi.baxbench=${owner}`)) podman(['rm', '--force', id]);
    }
  });

  /** As `askDriver` starts it. */
  function startJudging(owner: string, app: string): Judging {
    const [program = '', ...args] = [...driver.python, '-B', driverProgram, 'judge', driver.checkout];
    const child = spawn(program, args, { env: driver.env, detached: true, stdio: 'pipe' });
    const judging = { process: child, said: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        judging.said += chunk.toString();
      });
    const base = podman(['images', '--quiet', 'localhost/secpi-baxbench'])[0];
    const files = { 'app.txt': app };
    const job = { engine: driver.engine, scenario: 'Greeter', env: 'C-one', files, base, owner, timeout: 300 };
    child.stdin.write(`${JSON.stringify(job)}\n`);
    return judging;
  }
});

interface Judging {
  readonly process: ChildProcess;
  said: string;
}

async function labelOf(other: { readonly pid: number }): Promise<string> {
  return Buffer.from(JSON.stringify({ ...(await thisProcess()), ...other })).toString('base64url');
}

/** Its whole group, and with it whoever holds its stdin. */
function kill(judging: ChildProcess): void {
  process.kill(-(judging.pid ?? 0), 'SIGKILL');
  judging.stdin?.destroy();
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // no process, or one that is gone
  }
}

/** `over`: the test has run out of time, and nobody waits any more. Nor for what has ended that should bring it about. */
async function until(over: AbortSignal, is: () => boolean, judging?: Judging): Promise<void> {
  while (!is()) {
    if (judging?.process.exitCode !== null && judging !== undefined) throw new Error(`it has ended: ${judging.said}`);
    await sleep(200, undefined, { signal: over });
  }
}
