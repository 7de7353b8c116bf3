import { getEventListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gone, isAlive, PATH, readyShell, startShell } from './start-shell.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe('stopping a process', () => {
  it('stops the whole group, with TERM first and time to finish', async () => {
    const child = await readyShell(
      'trap "sleep 0.1; echo bye; exit 7" TERM; sleep 100 & echo $!; echo ready >&3; while :; do sleep 0.05; done',
    );
    const end = await child.stop();
    expect(end).toMatchObject({ exitCode: 7, stoppedBy: 'caller' });
    expect(end.stdout).toMatch(/^\d+\nbye\n$/);
    await gone(Number.parseInt(end.stdout, 10));
  });

  it('kills what ignores TERM', async () => {
    const child = await readyShell('trap "" TERM; echo ready >&3; while :; do sleep 1; done', { graceSeconds: 0.1 });
    expect(await child.stop()).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'caller' });
  });

  it('sends no TERM without a time of grace', async () => {
    const child = await readyShell('trap "exit 7" TERM; echo ready >&3; while :; do sleep 0.05; done', {
      graceSeconds: 0,
    });
    expect(await child.stop()).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'caller' });
  });

  it('settles although a runaway grandchild holds the pipes', async () => {
    const child = await startShell(
      "setsid sh -c 'echo $$ >pid; echo left; exec sleep 100' & until [ -s pid ]; do sleep 0.02; done",
      { cwd: folder },
    );
    const end = await child.exited;
    const runaway = Number.parseInt(readFileSync(join(folder, 'pid'), 'utf8'), 10);
    expect(isAlive(runaway)).toBe(true);
    process.kill(runaway, 'SIGKILL');
    expect(end).toMatchObject({ exitCode: 0, stdout: 'left\n', stoppedBy: null });
  });

  it('kills what a finished process left in its group', async () => {
    const end = await (await startShell('sleep 100 >/dev/null 2>&1 & echo $!')).exited;
    await gone(Number.parseInt(end.stdout, 10));
  });

  it('can be asked more than once: the first reason counts', async () => {
    const child = await startShell('sleep 100', { graceSeconds: 0 });
    const [one, two] = await Promise.all([child.stop('timeout'), child.stop('caller')]);
    expect(one).toBe(two);
    expect(one).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'timeout' });
  });

  it('signals nobody once the process is gone: its id may be another’s by then', async () => {
    const controller = new AbortController();
    const child = await startShell('true', { signal: controller.signal });
    await child.exited;
    const kill = vi.spyOn(process, 'kill');
    expect(await child.stop()).toMatchObject({ exitCode: 0, stoppedBy: null });
    expect(kill).not.toHaveBeenCalled();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('obeys a signal', async () => {
    const aborted = AbortSignal.abort(new Error('no need'));
    await expect(startShell('true', { signal: aborted })).rejects.toThrow('no need');
    const controller = new AbortController();
    const child = await startShell('sleep 100', { signal: controller.signal });
    controller.abort();
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'caller' });
  });

  it('obeys a clock that counts seconds', async () => {
    const late = await startShell('sleep 100', { timeoutSeconds: 0.05 });
    expect(await late.exited).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'timeout' });
    const early = await startShell('sleep 0.1', { timeoutSeconds: 60 });
    expect(await early.exited).toMatchObject({ exitCode: 0, stoppedBy: null });
  });

  it('kills, when secpi exits, all that still runs and nothing else', async () => {
    vi.resetModules();
    const before = process.listeners('exit');
    const { startProcess } = await import('../../../src/base/processes/child-process.js');
    const start = (argv: readonly string[]) => startProcess({ argv, cwd: '/', env: { PATH } });
    const running = [await start(['sleep', '100']), await start(['sleep', '100'])];
    await (await start(['true'])).exited;
    const added = process.listeners('exit').filter((listener) => !before.includes(listener));
    expect(added).toHaveLength(1);
    const kill = vi.spyOn(process, 'kill');
    for (const listener of added) {
      process.off('exit', listener);
      listener(0);
    }
    expect(kill.mock.calls).toEqual(running.map(({ pid }) => [-pid, 'SIGKILL']));
    for (const { exited } of running) expect(await exited).toMatchObject({ signal: 'SIGKILL', stoppedBy: null });
  });
});
