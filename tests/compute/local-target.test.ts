import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localTarget } from '../../src/compute/local-target.js';
import type { TrainerEvent, TrainerJob, TrainerResult } from '../../src/compute/target.js';
import type { PythonEnvironment } from '../../src/setup/python-environment.js';
import { environmentOf, goneProcesses, processesNaming } from '../support/processes.js';
import { pythonForTests } from '../support/python.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { tinyJob, tinyRows } from '../support/tiny-job.js';

const settings = { device: 'cpu', threads: 1 } as const;
const signal = new AbortController().signal;
const ignore = { signal, onEvent: () => undefined };
const at = (python: string) => async (): Promise<PythonEnvironment> => ({ folder: '', python });

/** A process of its own that runs the job. */
function startParent(python: string, job: TrainerJob) {
  const script = join(import.meta.dirname, 'fixtures', 'run-trainer.ts');
  const args = ['--import', 'tsx', script, python, JSON.stringify(job)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('a trainer that cannot even start', () => {
  it('is reported with the end of its log when it dies without a result', async () => {
    await using folder = await temporaryFolder();
    const python = await folder.write('python', '#!/bin/sh\necho "ImportError: no torch here" >&2\nexit 3\n');
    await chmod(python, 0o755);
    const running = localTarget(settings, at(python), process.env).runTrainer(await tinyJob(folder.path, 1), ignore);
    await expect(running).rejects.toMatchObject({
      code: 'trainer/died',
      message: expect.stringMatching(/tiny ended without a result \(3\)[\s\S]*no torch here/),
      hint: expect.stringContaining('log.txt'),
    });
  });

  it('is reported when there is no such interpreter, and nothing is left that keeps secpi alive', async () => {
    await using folder = await temporaryFolder();
    const parent = startParent('/nowhere/python', await tinyJob(folder.path, 1));
    const output = text(parent.stdout);
    expect(await once(parent, 'exit')).toEqual([0, null]);
    expect(await output).toBe('failed process/not-found\n');
  });

  it('is heard from where its predecessor fell silent, and only what makes sense', async () => {
    await using folder = await temporaryFolder();
    const job = await tinyJob(folder.path, 1);
    await folder.write('work/events.jsonl', '{"type":"log","message":"from an earlier process"}\n{"type":"lo');
    const lines = [
      '',
      'Traceback: not an event',
      '{"type":"metric","step":1,"total_steps":2,"loss":null,"learning_rate":0.5,"device":"cpu"}',
      '{"type":"metric","step":"two"}',
      '{"type":"other"}',
      '{"type":"progress","done":1,"total":2,"unit":"rows"}',
      '{"type":"log","message":"said"}',
    ];
    const result = '{"schema":1,"outcome":"done","seconds":3,"tools":{"torch":"1","trl":null},"rows":4}';
    const python = await folder.write(
      'python',
      `#!/bin/sh\nwork=$(dirname "$5")\ncat >>"$work/events.jsonl" <<'END'\n${lines.join('\n')}\nEND\necho '${result}' >"$work/result.json"\nmkdir ${job.output}\n`,
    );
    await chmod(python, 0o755);
    const heard: TrainerEvent[] = [];
    const target = localTarget(settings, at(python), process.env);
    expect(await target.runTrainer(job, { signal, onEvent: (event) => heard.push(event) })).toEqual({
      facts: { rows: 4 },
      tools: { torch: '1' },
    });
    expect(heard).toEqual([
      { type: 'metric', step: 1, total_steps: 2, values: { loss: null, learning_rate: 0.5 } },
      { type: 'progress', done: 1, total: 2, unit: 'rows' },
      { type: 'log', message: 'said' },
    ]);
  });

  it('does nothing once the run is stopped', async () => {
    await using folder = await temporaryFolder();
    const stopped = AbortSignal.abort(new Error('stopped before'));
    const running = localTarget(settings, at('/nowhere/python'), process.env).runTrainer(
      await tinyJob(folder.path, 1),
      { signal: stopped, onEvent: () => undefined },
    );
    await expect(running).rejects.toThrow('stopped before');
    await expect(access(join(folder.path, 'work'))).rejects.toThrow();
  });
});

describe.skipIf(pythonForTests === undefined)('a trainer on this machine', { timeout: 240_000 }, () => {
  const python = pythonForTests?.python ?? '';
  const target = localTarget(settings, at(python), process.env);
  let folder: TemporaryFolder;
  let job: TrainerJob;
  let result: TrainerResult;
  const events: TrainerEvent[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    job = await tinyJob(folder.path, 3);
    result = await target.runTrainer(job, { signal, onEvent: (event) => events.push(event) });
  }, 240_000);
  afterAll(async () => folder[Symbol.asyncDispose]());

  it('hands on what it says and finds out', async () => {
    const metrics = events.filter((event) => event.type === 'metric');
    expect(metrics.map(({ step, total_steps }) => [step, total_steps])).toEqual([1, 2, 3].map((step) => [step, 3]));
    expect(metrics.every(({ values }) => typeof values.loss === 'number')).toBe(true);
    expect(result.facts).toMatchObject({ steps: 3, rows: 3, resumed_from: null, parameters: expect.any(Number) });
    expect(Object.keys(result.facts)).not.toContain('seconds');
    expect(result.tools).toMatchObject({ python: expect.any(String), torch: expect.any(String) });
    await access(join(job.output, 'model.safetensors'));
  });

  it('is not run again when it has finished', async () => {
    const untouched = localTarget(settings, at('/nowhere/python'), process.env);
    expect(await untouched.runTrainer(job, ignore)).toEqual(result);
  });

  it('is run again when the job is another, or its output is gone', async () => {
    const untouched = localTarget(settings, at('/nowhere/python'), process.env);
    const other = { ...job, fields: { ...job.fields, seed: 2 }, work: join(folder.path, 'other') };
    await expect(untouched.runTrainer(other, ignore)).rejects.toMatchObject({ code: 'process/not-found' });
    const elsewhere = { ...job, output: join(folder.path, 'elsewhere') };
    const copy = { ...elsewhere, work: join(folder.path, 'copy') };
    await expect(untouched.runTrainer(copy, ignore)).rejects.toMatchObject({ code: 'process/not-found' });
  });

  it('prepares samples with the tokenizer it built', async () => {
    const samples = await folder.write('samples.jsonl', tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const prepare: TrainerJob = {
      command: 'prepare',
      fields: { model: job.output, samples, max_tokens: 200, seed: 0 },
      work: join(folder.path, 'prepare'),
      output: join(folder.path, 'prepared'),
    };
    const { facts } = await target.runTrainer(prepare, ignore);
    expect(facts).toMatchObject({ rows: 3, kept: 3, dropped: {} });
    const lines = (await readFile(join(prepare.output, 'prepared.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(tinyRows.map(({ id }) => id));
  });

  it('says in its own words what is wrong with a job', async () => {
    const bad: TrainerJob = {
      command: 'prepare',
      fields: { model: job.output, samples: join(folder.path, 'nothing.jsonl'), max_tokens: 0 },
      work: join(folder.path, 'bad'),
      output: join(folder.path, 'bad-output'),
    };
    const failing = target.runTrainer(bad, ignore);
    await expect(failing).rejects.toMatchObject({
      code: 'trainer/bad-job',
      message: expect.stringMatching(/samples: no such file[\s\S]*max_tokens/),
    });
    await expect(access(bad.output)).rejects.toThrow();
  });

  it('sees no secret, and leaves nothing behind when it is stopped', async () => {
    const canary = 'hf_canary0123456789abcdef';
    const secrets = { HF_TOKEN: canary, OPENAI_API_KEY: canary, SSH_AUTH_SOCK: canary, SECPI_ANYTHING: canary };
    const environment = { ...process.env, ...secrets };
    const endless = { ...(await tinyJob(folder.path, 1_000_000)), work: join(folder.path, 'endless') };
    const controller = new AbortController();
    let seen: Record<string, string> = {};
    const running = localTarget(settings, at(python), environment).runTrainer(endless, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type !== 'metric' || controller.signal.aborted) return;
        const [id = 0] = processesNaming(endless.work);
        seen = environmentOf(id);
        controller.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(processesNaming(endless.work)).toEqual([]);
    expect(seen).toMatchObject({ OMP_WAIT_POLICY: 'PASSIVE', HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' });
    expect(JSON.stringify(seen)).not.toContain(canary);
    for (const name of ['job.json', 'log.txt', 'events.jsonl', 'result.json']) {
      expect(await readFile(join(endless.work, name), 'utf8'), name).not.toContain(canary);
    }
    expect(JSON.parse(await readFile(join(endless.work, 'result.json'), 'utf8'))).toMatchObject({ outcome: 'stopped' });
  });

  it('ends when secpi is killed', async () => {
    const endless = { ...(await tinyJob(folder.path, 1_000_000)), work: join(folder.path, 'orphan') };
    const parent = startParent(python, endless);
    await once(parent.stdout, 'data');
    expect(processesNaming(join(endless.work, 'job.json')).length).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    await goneProcesses(join(endless.work, 'job.json'));
    await expect(access(join(endless.work, 'result.json'))).rejects.toThrow();
  });
});
