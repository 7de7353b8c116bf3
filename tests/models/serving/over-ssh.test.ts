import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServicePlan } from '../../../src/compute/jobs/keyed-service.js';
import { hashAll } from '../../../src/compute/places/manifest.js';
import type { Place } from '../../../src/compute/places/place.js';
import { sshPlace } from '../../../src/compute/places/ssh.js';
import { askMany, openServed } from '../../support/ask-served.js';
import { goneProcesses, processesNaming } from '../../support/processes.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { gone, isAlive, type StandIn, standIn, standInServer } from '../../support/stand-in-server.js';

const never = new AbortController().signal;
const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const withLease =
  (leaseSeconds: number) =>
  (plan: ServicePlan): ServicePlan => ({ ...plan, spec: { ...plan.spec, serves: { leaseSeconds } } });

describe.skipIf(!hasSshServer)('a model server on a host that is reached over ssh', () => {
  let ssh: SshServer;
  let at: StandIn;
  let place: Place;
  const root = () => join(ssh.home, 'secpi');
  const placeAt = (host: string): Place =>
    sshPlace({
      host,
      queue: null,
      spareGib: 0,
      hashFiles: hashAll,
      python: 'python3',
      env,
      config: ssh.config,
      root: root(),
    });
  beforeAll(async () => {
    ssh = await sshServer();
    place = placeAt('far');
  });
  afterAll(() => ssh[Symbol.asyncDispose]());
  beforeEach(async () => {
    at = await standIn();
  });
  afterEach(async () => {
    // What a failed test has left.
    for (const { pid } of await at.starts()) if (await isAlive(pid)) process.kill(pid, 'SIGKILL');
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await at[Symbol.asyncDispose]();
  });
  const children: ChildProcess[] = [];

  /** As another process would: killed, it leaves everything as it is. */
  async function servingProcess(leaseSeconds: number) {
    const script = join(import.meta.dirname, 'fixtures', 'serving-process.ts');
    const args = [ssh.config, root(), at.program, at.stateDir, String(leaseSeconds)];
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  it('answers through a way that nobody else can take, keeps its key, and leaves nothing', async () => {
    let way = '';
    {
      await using server = standInServer(at, { place });
      const { socketPath = '', apiKey } = await server.connect(never);
      await using model = await openServed(at.stateDir, server);
      const { outcomes, expected } = await askMany(model, 5);
      expect(outcomes).toEqual(expected);
      expect(socketPath.startsWith(tmpdir())).toBe(true);
      way = socketPath;
      expect(processesNaming(way)).toHaveLength(1);
      expect(processesNaming(apiKey)).toEqual([]);
      for (const folder of [ssh.home, at.stateDir]) {
        const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
        expect(files.length).toBeGreaterThan(0);
        for (const { parentPath, name } of files)
          expect(await readFile(join(parentPath, name), 'utf8'), name).not.toContain(apiKey);
      }
    }
    const [start] = await at.starts();
    expect([await isAlive(start?.pid ?? 0), await isAlive(start?.child ?? 0)]).toEqual([false, false]);
    expect(await readdir(join(root(), 'jobs'))).toEqual([]);
    expect(processesNaming(way)).toEqual([]);
    expect(existsSync(dirname(way))).toBe(false);
  });

  it('goes on although the connection goes while answers are in flight', async () => {
    await at.behave({ slow: 0.2 });
    await using model = await openServed(at.stateDir, standInServer(at, { place }));
    let isCut = false;
    const cut = async (): Promise<void> => {
      await ssh.kill();
      await ssh.start();
    };
    let cutting: Promise<void> | undefined;
    const { outcomes, expected } = await askMany(model, 60, () => {
      if (!isCut) cutting = cut();
      isCut = true;
    });
    await cutting;
    expect(outcomes).toEqual(expected);
    expect(await at.starts()).toHaveLength(1);
  });

  it('ends by itself when whoever wanted it was killed, however long it runs', async () => {
    const child = await servingProcess(6);
    const [start] = await at.starts();
    // For longer than its lease: it is renewed.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect(await isAlive(start?.pid ?? 0)).toBe(true);
    child.kill('SIGKILL');
    await gone(start?.pid);
    await gone(start?.child);
    // Nor is the way to it left.
    await goneProcesses(`127.0.0.1:${start?.port}`);
  });

  it('ends what a killed process left before it begins another', async () => {
    const child = await servingProcess(600);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [first] = await at.starts();
    expect(await isAlive(first?.pid ?? 0)).toBe(true);
    await using server = standInServer(at, { place, change: withLease(600) });
    await server.connect(never);
    expect(await isAlive(first?.pid ?? 0)).toBe(false);
    expect(await at.starts()).toHaveLength(2);
  });

  it('says what is wrong with the way to it', async () => {
    await using server = standInServer(at, {
      place: placeAt('nowhere.invalid'),
    });
    await expect(server.connect(never)).rejects.toMatchObject({ code: 'compute/unreachable' });
  });
});
