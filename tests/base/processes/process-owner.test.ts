import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { livenessOf, type ProcessOwner, thisProcess } from '../../../src/base/processes/process-owner.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { freshProcessOwner, reroute } from './other-system.js';

const BOOT = '/proc/sys/kernel/random/boot_id';
const MACHINE = '/etc/machine-id';
const NOWHERE = '/nowhere/file';

afterEach(() => {
  vi.restoreAllMocks();
});

async function endedPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('thisProcess', () => {
  it('says what the system says', async () => {
    await using folder = await temporaryFolder();
    using _routes = reroute({
      [BOOT]: await folder.write('boot', '0e0f8b5c-3a5e-4f0c-9a51-6f1f6f7a9f1e\n'),
      [MACHINE]: await folder.write('machine', '3d1219c7c4c5404aaa1f6d2a48adfda4\n'),
    });
    const { processOwnerSchema, thisProcess } = await freshProcessOwner();
    const me = await thisProcess();
    expect(processOwnerSchema.parse(JSON.parse(JSON.stringify(me)))).toEqual(me);
    expect(me).toEqual({
      host: hostname(),
      machine: '3d1219c7c4c5404aaa1f6d2a48adfda4',
      boot: '0e0f8b5c-3a5e-4f0c-9a51-6f1f6f7a9f1e',
      pid_namespace: readlinkSync('/proc/self/ns/pid'),
      pid: process.pid,
      started: readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19],
    });
  });

  it('tells boots apart by their time where they have no name', async () => {
    await using folder = await temporaryFolder();
    const stat = await folder.write('stat', 'cpu  10 20 30\nctxt 40\nbtime 1732558800\nprocesses 50\n');
    using _routes = reroute({ [BOOT]: NOWHERE, '/proc/stat': stat });
    const { thisProcess } = await freshProcessOwner();
    expect((await thisProcess()).boot).toBe('btime 1732558800');
  });

  it('leaves empty what the system does not say, and then judges nobody', async () => {
    const nowhere = [BOOT, MACHINE, '/proc/stat', '/proc/self/ns/pid', `/proc/${process.pid}/stat`];
    using _routes = reroute(Object.fromEntries(nowhere.map((path) => [path, NOWHERE])));
    const { livenessOf, thisProcess } = await freshProcessOwner();
    const me = await thisProcess();
    expect(me).toEqual({ host: hostname(), machine: '', boot: '', pid_namespace: '', pid: process.pid, started: '' });
    expect(await livenessOf(me)).toBe('unknown');
  });
});

describe('livenessOf', () => {
  it('knows this process as alive', async () => {
    expect(await livenessOf(await thisProcess())).toBe('alive');
  });

  it('proves a process dead that has ended, and one whose pid was used again', async () => {
    const me = await thisProcess();
    expect(await livenessOf({ ...me, pid: await endedPid() })).toBe('dead');
    expect(await livenessOf({ ...me, started: `${me.started}0` })).toBe('dead');
  });

  it('takes a zombie for dead although pid and start time are still there', async () => {
    // The shell becomes `sleep` and so never collects the child that ends after that.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const me = await thisProcess();
      const pid = Number(line.toString());
      const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '';
      expect(started).toMatch(/^\d+$/);
      await expect.poll(() => livenessOf({ ...me, pid, started }), { timeout: 30_000 }).toBe('dead');
      process.kill(pid, 0); // throws if the entry were gone, and then this test would show nothing
    } finally {
      parent.kill('SIGKILL');
    }
  });

  const rest = '1 2 3 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4711 8192 200 18446744073709551615';
  it.each([
    ['one that sleeps', `(node) S ${rest}`, 'alive'],
    ['one whose name looks like the rest', `(a) Z 1 (b) R) R ${rest}`, 'alive'],
    ['one that started at another time', `(node) S ${rest.replace('4711', '4712')}`, 'dead'],
    ['a zombie', `(node) Z ${rest}`, 'dead'],
    ['one of which hardly the entry is left', `(node) X ${rest}`, 'dead'],
    ['one of which the system says nothing', undefined, 'unknown'],
  ])('judges by what stands in /proc: %s', async (_name, line, expected) => {
    await using folder = await temporaryFolder();
    const me = await thisProcess();
    const stat = line === undefined ? NOWHERE : await folder.write('stat', `${me.pid} ${line}\n`);
    using _routes = reroute({ [`/proc/${me.pid}/stat`]: stat });
    expect(await livenessOf({ ...me, started: '4711' })).toBe(expected);
  });

  it('does not take another user’s process for gone because it may not signal it', async () => {
    const me = await thisProcess();
    using _routes = reroute({ [`/proc/${me.pid}/stat`]: NOWHERE });
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    expect(await livenessOf(me)).toBe('unknown');
  });

  it('does not judge another container', async () => {
    const me = await thisProcess();
    expect(await livenessOf({ ...me, pid_namespace: 'pid:[1]', pid: await endedPid() })).toBe('unknown');
  });

  it('knows a host that was renamed', async () => {
    expect(await livenessOf({ ...(await thisProcess()), host: 'renamed' })).toBe('alive');
  });

  const here = { boot: 'now', machine: 'ours' };
  it.each<[string, { boot: string; machine: string }, Partial<ProcessOwner>, string]>([
    ['of this machine', here, { boot: 'earlier' }, 'dead'],
    ['of another host', here, { boot: 'earlier', host: 'elsewhere' }, 'unknown'],
    ['of another machine of the same name', here, { boot: 'earlier', machine: 'theirs' }, 'unknown'],
    ['of a machine without a name', here, { boot: 'earlier', machine: '' }, 'unknown'],
    ['where no machine has a name', { ...here, machine: '' }, { boot: 'earlier' }, 'unknown'],
    ['that has no name', here, { boot: '' }, 'unknown'],
    ['when ours has no name', { ...here, boot: '' }, { boot: 'earlier' }, 'unknown'],
  ])('proves with another boot %s that it ended', async (_name, { boot, machine }, owner, expected) => {
    await using folder = await temporaryFolder();
    using _routes = reroute({
      [BOOT]: await folder.write('boot', boot),
      [MACHINE]: await folder.write('machine', machine),
      '/proc/stat': NOWHERE,
    });
    const { livenessOf, thisProcess } = await freshProcessOwner();
    expect(await livenessOf({ ...(await thisProcess()), ...owner })).toBe(expected);
  });
});
