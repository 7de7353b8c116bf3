import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { type ModelServerOptions, startModelServer } from '../../../src/models/servers/model-server.js';
import { serveFolder } from '../../../src/models/servers/serve-folder.js';

let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'secpi-server-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

const program = join(import.meta.dirname, 'fixtures', 'fake-model-server.mjs');

function start(mode: string, more: Partial<ModelServerOptions> = {}) {
  return startModelServer({
    name: 'model "base"',
    argv: [process.execPath, program, work, mode],
    env: { PATH: process.env.PATH ?? '' },
    work,
    logFile: join(work, 'log.txt'),
    ready: { file: join(work, 'ready.json') },
    startTimeoutSeconds: 30,
    redact: createRedactor({ A_TOKEN: 'hf_canary_secret' }),
    signal: new AbortController().signal,
    ...more,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Init takes a moment to bury an orphan. */
async function gone(pid: number): Promise<boolean> {
  for (let look = 0; look < 100 && isAlive(pid); look += 1) await sleep(20);
  return !isAlive(pid);
}

const childPid = async () => Number(await readFile(join(work, 'child.pid'), 'utf8'));

describe('startModelServer', () => {
  it('waits for the ready file, and stops the whole group', async () => {
    let pid: number;
    {
      await using server = await start('ready');
      expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
      expect(server.model).toBe('served');
      expect((await fetch(server.endpoint)).status).toBe(200);
      pid = server.pid;
      expect(isAlive(pid)).toBe(true);
    }
    expect(await gone(pid)).toBe(true);
    expect(await gone(await childPid())).toBe(true);
  });

  it('believes no ready file of another process', async () => {
    await writeFile(join(work, 'ready.json'), JSON.stringify({ pid: 1, base_url: 'http://127.0.0.1:9/v1' }));
    await using server = await start('stale');
    expect(JSON.parse(await readFile(join(work, 'ready.json'), 'utf8'))).toMatchObject({ pid: server.pid });
  });

  it('kills a server that does not want to go', async () => {
    const server = await start('ready-stubborn', { graceSeconds: 0.2 });
    await server[Symbol.asyncDispose]();
    expect(await gone(server.pid)).toBe(true);
  });

  it('shows the end of the log when the server dies, without secrets', async () => {
    const failed = start('dies');
    await expect(failed).rejects.toMatchObject({
      code: 'models/server-died',
      hint: expect.stringContaining('log.txt'),
    });
    const message = await failed.catch((error: Error) => error.message);
    expect(message).toContain('exit code 3');
    expect(message).toContain('RuntimeError: no such tensor for [redacted]');
  });

  it('gives up in time, and leaves nothing behind', async () => {
    await expect(start('slow', { startTimeoutSeconds: 1 })).rejects.toMatchObject({
      code: 'models/server-not-ready',
      message: expect.stringContaining('listening on'),
    });
    expect(await gone(await childPid())).toBe(true);
  });

  it('stops when aborted, while it starts and while it runs', async () => {
    const early = new AbortController();
    const starting = start('slow', { signal: early.signal });
    await expect.poll(() => childPid().catch(() => 0), { timeout: 10_000 }).toBeGreaterThan(0);
    early.abort('interrupted');
    await expect(starting).rejects.toBe('interrupted');
    expect(await gone(await childPid())).toBe(true);

    const late = new AbortController();
    const server = await start('ready', { signal: late.signal });
    late.abort('interrupted');
    expect(await gone(server.pid)).toBe(true);
  });

  it('knows when the server has died later', async () => {
    await using server = await start('ready');
    expect(await server.death()).toBeUndefined();
    process.kill(server.pid, 'SIGKILL');
    expect(await server.death()).toMatchObject({
      code: 'models/server-died',
      message: expect.stringContaining('SIGKILL'),
    });
  });

  it('can ask an address instead of waiting for a file', async () => {
    let calls = 0;
    const health = createServer((_, response) => {
      calls += 1;
      response.writeHead(calls < 3 ? 503 : 200).end();
    });
    await new Promise<void>((resolve) => health.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(health.address() as AddressInfo).port}`;
    await using server = await start('slow', { ready: { url: `${base}/health`, endpoint: `${base}/v1` } });
    expect(server.endpoint).toBe(`${base}/v1`);
    expect(calls).toBe(3);
    health.close();
  });
});

describe('serveFolder', () => {
  it('hands over one JSON job, and repeats what the server says about its failure', async () => {
    const python = join(work, 'python.mjs');
    await writeFile(
      python,
      `#!${process.execPath}
import { readFileSync, writeFileSync } from 'node:fs';
const job = JSON.parse(readFileSync(process.argv[process.argv.indexOf('--job') + 1], 'utf8'));
writeFileSync(job.work + '/seen.json', JSON.stringify({ argv: process.argv.slice(2, 5), job }));
writeFileSync(job.work + '/result.json', JSON.stringify({ schema: 1, outcome: 'failed', message: 'bad model folder' }));
process.exit(1);
`,
      { mode: 0o755 },
    );
    const folder = join(work, 'model');
    await mkdir(folder);
    const served = serveFolder({
      name: 'model "base"',
      folder,
      servedName: 'base',
      work: join(work, 'serve'),
      python,
      env: {},
      device: 'cpu',
      startTimeoutSeconds: 30,
      redact: (text) => text,
      signal: new AbortController().signal,
    });
    await expect(served).rejects.toMatchObject({
      code: 'models/server-died',
      message: 'The server of model "base" ended (exit code 1): bad model folder',
    });
    expect(JSON.parse(await readFile(join(work, 'serve', 'seen.json'), 'utf8'))).toEqual({
      argv: ['-m', 'secpi_trainers', 'serve'],
      job: {
        schema: 1,
        work: join(work, 'serve'),
        model: folder,
        served_name: 'base',
        device: 'cpu',
        lifeline: true,
      },
    });
  });
});
