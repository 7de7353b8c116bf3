import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { livenessOf, thisProcess } from '../../../src/base/processes/process-owner.js';

describe('livenessOf', () => {
  it('knows this process as alive', async () => {
    const me = await thisProcess();
    expect(me.pid).toBe(process.pid);
    expect(me.started).not.toBe('');
    expect(await livenessOf(me)).toBe('alive');
  });

  it('proves a process dead that has ended, and one whose pid was used again', async () => {
    const me = await thisProcess();
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    expect(await livenessOf({ ...me, pid: child.pid ?? 0 })).toBe('dead');
    expect(await livenessOf({ ...me, started: `${me.started}0` })).toBe('dead');
  });

  it('takes a zombie for dead although pid and start time are still there', async () => {
    if (process.platform !== 'linux') return;
    // The shell becomes `sleep` and so never collects the child that ends after that.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const me = await thisProcess();
      const pid = Number(line.toString());
      const started = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[19] ?? '';
      expect(started).toMatch(/^\d+$/);
      await expect.poll(() => livenessOf({ ...me, pid, started })).toBe('dead');
      process.kill(pid, 0); // throws if the entry were gone, and then this test would show nothing
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('does not judge another host, another container, or a host of the same name', async () => {
    const me = await thisProcess();
    expect(await livenessOf({ ...me, host: 'elsewhere', boot: 'other-boot' })).toBe('unknown');
    expect(await livenessOf({ ...me, boot: 'other-boot', machine: 'other-machine' })).toBe('unknown');
    expect(await livenessOf({ ...me, boot: 'other-boot', machine: '' })).toBe('unknown');
    expect(await livenessOf({ ...me, pid_namespace: 'pid:[1]', pid: 999_999_999 })).toBe('unknown');
  });

  it('knows that a reboot of this machine ended everything, and that a renamed host is the same host', async () => {
    const me = { ...(await thisProcess()) };
    expect(await livenessOf({ ...me, host: 'renamed' })).toBe('alive');
    if (me.machine !== '') expect(await livenessOf({ ...me, boot: 'earlier-boot' })).toBe('dead');
  });
});
