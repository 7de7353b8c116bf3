import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServicePlan } from '../../../src/compute/jobs/keyed-service.js';
import type { ServerAddress } from '../../../src/models/serving/model-server.js';
import { SharedServers } from '../../../src/models/serving/shared-servers.js';
import { askMany, openServed } from '../../support/ask-served.js';
import { environmentOf } from '../../support/processes.js';
import { gone, isAlive, type StandIn, standIn, standInServer } from '../../support/stand-in-server.js';

const never = new AbortController().signal;

let at: StandIn;
beforeEach(async () => {
  at = await standIn();
});
afterEach(() => at[Symbol.asyncDispose]());

async function ask({ endpoint, apiKey }: ServerAddress, key: string | undefined = apiKey): Promise<Response> {
  return fetch(`${endpoint}/chat/completions`, {
    method: 'POST',
    headers: key === '' ? {} : { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'model', messages: [{ role: 'user', content: 'hello' }] }),
  });
}

describe('a model server', () => {
  it('is ready when it says so, demands its key, and ends with all that it started', async () => {
    {
      await using server = standInServer(at);
      const address = await server.connect(never);
      expect(address.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
      expect(await (await ask(address)).json()).toMatchObject({
        choices: [{ message: { content: 'model says hello' } }],
      });
      expect((await ask(address, '')).status).toBe(401);
      expect((await ask(address, 'another')).status).toBe(401);
      expect(await server.connect(never)).toBe(address);
      expect(await server.death()).toBeUndefined();
    }
    const [start, ...more] = await at.starts();
    expect(more).toEqual([]);
    expect([await isAlive(start?.pid ?? 0), await isAlive(start?.child ?? 0)]).toEqual([false, false]);
    // Nothing is left of one that ended well.
    expect(await readdir(join(at.stateDir, 'services', 'stand-in', '0'))).toEqual([]);
  });

  it('is given flags that vLLM knows, and nothing for a shell', async () => {
    const adapter = { folder: join(at.folder, 'adapter'), rank: 33 };
    const folder = join(at.folder, 'model');
    await mkdir(adapter.folder);
    await mkdir(folder);
    await writeFile(join(adapter.folder, 'adapter_config.json'), '{}');
    await writeFile(join(folder, 'config.json'), '{}');
    const serve = {
      dtype: 'bfloat16',
      max_model_len: 32768,
      tensor_parallel: 8,
      generation_config: 'engine',
      extra: ['--gpu-memory-utilization=0.9', '--seed=7'],
    };
    await using server = standInServer(at, { weights: { folder, adapter }, serve });
    await server.connect(never);
    const [{ argv = [], port = 0 } = {}] = await at.starts();
    expect(argv.join(' ')).toBe(
      `serve ${folder} --host 127.0.0.1 --port ${port} --served-model-name model --load-format safetensors --dtype bfloat16 ` +
        `--generation-config vllm --max-model-len 32768 --tensor-parallel-size 8 --enable-lora --max-lora-rank 64 ` +
        `--lora-modules adapter=${adapter.folder} --disable-uvicorn-access-log --gpu-memory-utilization=0.9 --seed=7`,
    );
    await using another = standInServer({ ...at, stateDir: `${at.stateDir}-2` });
    await another.connect(never);
    expect((await at.starts())[1]?.argv.join(' ')).toContain(
      `serve Qwen/QwQ-32B --host 127.0.0.1 --port ${(await at.starts())[1]?.port} --served-model-name model --load-format ` +
        `safetensors --revision ${'a'.repeat(40)} --tokenizer-revision ${'a'.repeat(40)} --dtype auto --generation-config auto ` +
        '--tensor-parallel-size 1 --disable-uvicorn-access-log',
    );
  });

  it('keeps its key to itself and to whoever asks', async () => {
    await using server = standInServer(at);
    const { apiKey } = await server.connect(never);
    const [start] = await at.starts();
    expect(environmentOf(start?.pid ?? 0).VLLM_API_KEY).toBe(apiKey);
    expect(apiKey).toMatch(/^[0-9a-f]{64}$/);
    const files = (await readdir(at.folder, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
    const names = files.map((file) => join(file.parentPath, file.name));
    expect(names.some((name) => name.endsWith('/attempts/1/log.txt'))).toBe(true);
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((id) => `/proc/${id}/cmdline`);
    for (const name of [...names, ...processes]) {
      expect(await readFile(name, 'utf8').catch(() => ''), name).not.toContain(apiKey);
    }
  });

  it('is started once more when it dies, and what was asked is asked again', async () => {
    await at.behave({ slow: 0.2 });
    const notes: string[] = [];
    // None of its own attempts is a question allowed to lose.
    await using model = await openServed(at.stateDir, standInServer(at, { onNote: (note) => notes.push(note) }), {
      retries: 0,
    });
    let killed = false;
    const { outcomes, expected } = await askMany(model, 40, () => {
      if (!killed) void at.starts().then(([first]) => process.kill(first?.pid ?? 0, 'SIGKILL'));
      killed = true;
    });
    expect(outcomes).toEqual(expected);
    expect(await at.starts()).toHaveLength(2);
    expect(new Set((await at.asked()).map(({ pid }) => pid)).size).toBe(2);
    expect(notes).toContain('model "teacher": it has died; it is started once more');
  });

  it('is given up when it dies a second time, and says how', async () => {
    await at.behave({ slow: 0.2 });
    await using model = await openServed(at.stateDir, standInServer(at));
    const asking = askMany(model, 100);
    const killing = (async () => {
      for (const count of [1, 2]) {
        await expect.poll(async () => (await at.starts()).length, { timeout: 30_000 }).toBe(count);
        const pid = (await at.starts())[count - 1]?.pid ?? 0;
        await expect
          .poll(async () => (await at.asked()).some((one) => one.pid === pid), { timeout: 30_000 })
          .toBe(true);
        process.kill(pid, 'SIGKILL');
      }
    })();
    await expect(asking).rejects.toMatchObject({
      code: 'models/server-died',
      message: 'The server of model "teacher" ended (SIGKILL): loading weights',
      hint: expect.stringContaining(join(at.stateDir, 'services', 'stand-in', '0')),
    });
    await killing;
    expect(await at.starts()).toHaveLength(2);
  });

  it('shows the end of its log when it cannot start, without secrets, and is not started again', async () => {
    await at.behave({ die: 'RuntimeError: no such tensor for hf_canary_secret' });
    await using server = standInServer(at);
    await expect(server.connect(never)).rejects.toMatchObject({
      code: 'models/server-died',
      message:
        'The server of model "teacher" ended (exit code 3): loading weights\nRuntimeError: no such tensor for [redacted]',
    });
    expect(await at.starts()).toHaveLength(1);
    await gone((await at.starts())[0]?.child);
    expect(await readFile(join(at.stateDir, 'services/stand-in/0/job/attempts/1/log.txt'), 'utf8')).toContain('tensor');
  });

  it('is given up when it is not ready in time, and leaves nothing behind', async () => {
    await at.behave({ never_ready: true });
    await using server = standInServer(at, { startTimeoutSeconds: 1 });
    await expect(server.connect(never)).rejects.toMatchObject({
      code: 'models/server-not-ready',
      message: expect.stringContaining('loading weights'),
    });
    const [start] = await at.starts();
    expect([await isAlive(start?.pid ?? 0), await isAlive(start?.child ?? 0)]).toEqual([false, false]);
  });

  it('is killed when it does not want to go', async () => {
    await at.behave({ stubborn: true });
    const change = (plan: ServicePlan): ServicePlan => ({
      ...plan,
      spec: { ...plan.spec, graceSeconds: 0.3 },
    });
    await using server = standInServer(at, { change });
    await server.connect(never);
    await server[Symbol.asyncDispose]();
    expect(await isAlive((await at.starts())[0]?.pid ?? 0)).toBe(false);
  });

  it('does not answer in the name of another version', async () => {
    await using server = standInServer(at, { serve: { version: '0.32.1' } });
    await expect(server.connect(never)).rejects.toMatchObject({
      code: 'models/other-version',
      message: 'The server of model "teacher" is of version 0.33.0, and the recipe says 0.32.1',
    });
  });

  it('goes on starting for others when one who asked is stopped, and ends while it starts', async () => {
    await at.behave({ never_ready: true });
    const server = standInServer(at);
    const impatient = new AbortController();
    const asking = server.connect(impatient.signal);
    const waiting = server.connect(never);
    waiting.catch(() => undefined);
    await expect.poll(async () => (await at.starts()).length, { timeout: 30_000 }).toBe(1);
    impatient.abort('interrupted');
    await expect(asking).rejects.toBe('interrupted');
    const [start] = await at.starts();
    expect(await isAlive(start?.pid ?? 0)).toBe(true);
    await server[Symbol.asyncDispose]();
    await expect(waiting).rejects.toThrow();
    expect(await isAlive(start?.pid ?? 0)).toBe(false);
    expect(await at.starts()).toHaveLength(1);
  });

  it('is shared by all who ask the same, and ends with the last of them', async () => {
    const servers = new SharedServers();
    const first = await openServed(
      at.stateDir,
      servers.hold('a', () => standInServer(at)),
    );
    const second = await openServed(
      at.stateDir,
      servers.hold('a', () => standInServer(at)),
    );
    const [one, two] = await Promise.all([askMany(first, 3), askMany(second, 5)]);
    expect([one.outcomes, two.outcomes]).toEqual([one.expected, two.expected]);
    expect(await at.starts()).toHaveLength(1);
    await first[Symbol.asyncDispose]();
    expect(await isAlive((await at.starts())[0]?.pid ?? 0)).toBe(true);
    await second[Symbol.asyncDispose]();
    expect(await isAlive((await at.starts())[0]?.pid ?? 0)).toBe(false);
    await using third = servers.hold('a', () => standInServer(at));
    await third.connect(never);
    expect(await at.starts()).toHaveLength(2);
  });

  it('does not get into the way of another process that serves the same', async () => {
    await using one = standInServer(at);
    await using two = standInServer(at);
    const [first, second] = await Promise.all([one.connect(never), two.connect(never)]);
    expect(first.endpoint).not.toBe(second.endpoint);
    expect((await ask(second, first.apiKey)).status).toBe(401);
  });
});
