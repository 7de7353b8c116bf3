import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget } from '../../src/compute/open-target.js';
import type { FinishedTrainerJob, TrainerEvent, TrainerJob } from '../../src/compute/target.js';
import type { PythonEnvironment } from '../../src/setup/python-environment.js';
import { cwdOf, environmentOf, goneProcesses, processesNaming } from '../support/processes.js';
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

/** Something that is called like an interpreter and is none, but for the agent. */
async function pretend(folder: TemporaryFolder, script: string): Promise<string> {
  const python = await folder.write('python', `#!/bin/sh\n[ "$1" = -I ] && exec python3 "$@"\n${script}`);
  await chmod(python, 0o755);
  return python;
}

describe('a trainer that cannot even start', () => {
  it('is reported with the end of its log when it dies without a result', async () => {
    await using folder = await temporaryFolder();
    const python = await pretend(folder, 'echo "ImportError: no torch here" >&2\nexit 3\n');
    const running = openTarget({ local: settings }, { python: at(python), variables: process.env }).runTrainer(
      await tinyJob(folder.path, 1),
      ignore,
    );
    await expect(running).rejects.toMatchObject({
      code: 'trainer/died',
      message: expect.stringMatching(/tiny ended without a result \(3\)[\s\S]*no torch here/),
      hint: expect.stringContaining('log.txt'),
    });
  });

  it.each([
    [
      'train',
      'give it more, or batch_size: 2 with gradient_accumulation: 2, gradient_checkpointing: true, a shorter max_tokens. The whole log',
    ],
    ['merge', 'give it more. The whole log'],
    ['push', 'give it more. The whole log'],
  ] as const)('is said to have been killed in %s, with what would take less memory', async (command, hint) => {
    await using folder = await temporaryFolder();
    const python = await pretend(folder, 'kill -9 $$\n');
    const { commands, ...job } = await tinyJob(folder.path, 1);
    const fields = { ...commands[0]?.fields, batch_size: 4, gradient_checkpointing: false };
    const target = openTarget({ local: settings }, { python: at(python), variables: process.env });
    await expect(
      target.runTrainer({ ...job, commands: [{ command, fields }], outputs: [] }, ignore),
    ).rejects.toMatchObject({
      code: 'trainer/killed',
      message: expect.stringMatching(new RegExp(`^the trainer's ${command} was killed \\(SIGKILL\\), `)),
      hint: expect.stringContaining(hint),
    });
  });

  it('is reported when there is no such interpreter, and nothing is left that keeps secpi alive', async () => {
    await using folder = await temporaryFolder();
    const parent = startParent('/nowhere/python', await tinyJob(folder.path, 1));
    const output = text(parent.stdout);
    expect(await once(parent, 'exit')).toEqual([0, null]);
    expect(await output).toBe('failed process/not-found\n');
  });

  it('is heard from its first word on, and only what makes sense', async () => {
    await using folder = await temporaryFolder();
    const job = await tinyJob(folder.path, 1);
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
    const python = await pretend(
      folder,
      `attempt=$(dirname "$(dirname "$5")")\ncat >>"$attempt/events.jsonl" <<'END'\n${lines.join('\n')}\nEND\nmkdir -p tiny/output\necho '${result}' >tiny/result.json\necho x > tiny/output/model\n`,
    );
    const heard: TrainerEvent[] = [];
    const target = openTarget({ local: settings }, { python: at(python), variables: process.env });
    expect(await target.runTrainer(job, { signal, onEvent: (event) => heard.push(event) })).toEqual({
      results: { tiny: { facts: { rows: 4 } } },
      tools: { torch: '1' },
      outputs: { model: join(job.folder, 'job', 'work', 'tiny', 'output') },
      kept: {},
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
    const running = openTarget(
      { local: settings },
      { python: at('/nowhere/python'), variables: process.env },
    ).runTrainer(await tinyJob(folder.path, 1), { signal: stopped, onEvent: () => undefined });
    await expect(running).rejects.toThrow('stopped before');
    await expect(access(join(folder.path, 'work'))).rejects.toThrow();
  });
});

describe.skipIf(pythonForTests === undefined)('a trainer on this machine', { timeout: 240_000 }, () => {
  const python = pythonForTests?.python ?? '';
  const target = openTarget({ local: settings }, { python: at(python), variables: process.env });
  let folder: TemporaryFolder;
  let job: TrainerJob;
  let finished: FinishedTrainerJob;
  const events: TrainerEvent[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    job = await tinyJob(folder.path, 3);
    finished = await target.runTrainer(job, { signal, onEvent: (event) => events.push(event) });
  }, 240_000);
  afterAll(async () => folder[Symbol.asyncDispose]());

  it('hands on what it says and finds out', async () => {
    const metrics = events.filter((event) => event.type === 'metric');
    expect(metrics.map(({ step, total_steps }) => [step, total_steps])).toEqual([1, 2, 3].map((step) => [step, 3]));
    expect(metrics.every(({ values }) => typeof values.loss === 'number')).toBe(true);
    const facts = finished.results.tiny?.facts ?? {};
    expect(facts).toMatchObject({ steps: 3, rows: 3, resumed_from: null, parameters: expect.any(Number) });
    expect(Object.keys(facts)).not.toContain('seconds');
    expect(finished.tools).toMatchObject({ python: expect.any(String), torch: expect.any(String) });
    await access(join(finished.outputs.model ?? '', 'model.safetensors'));
  });

  it('is not run again when it has finished, and tells all of it once more', async () => {
    const heard: TrainerEvent[] = [];
    // Whoever computed would not find the packages.
    const bare = openTarget({ local: settings }, { python: at('python3'), variables: {} });
    const again = await bare.runTrainer(job, { signal, onEvent: (event) => heard.push(event) });
    expect(again).toEqual(finished);
    expect(heard).toEqual(events);
  });

  it('is run again when its output is gone', async () => {
    const other = { ...(await tinyJob(folder.path, 3)), folder: join(folder.path, 'other') };
    const { outputs } = await target.runTrainer(other, ignore);
    await rm(outputs.model ?? '', { recursive: true });
    const again = await target.runTrainer(other, ignore);
    expect(await readFile(join(again.outputs.model ?? '', 'model.safetensors'))).toEqual(
      await readFile(join(finished.outputs.model ?? '', 'model.safetensors')),
    );
  });

  it('prepares samples with the tokenizer it built', async () => {
    const samples = await folder.write('samples.jsonl', tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const prepare: TrainerJob = {
      commands: [
        { command: 'prepare', fields: { model: '{in:base}', samples: '{in:samples}', max_tokens: 200, seed: 0 } },
      ],
      inputs: { base: finished.outputs.model ?? '', samples },
      outputs: [{ name: 'prepared.jsonl', kind: 'file', path: '{work}/prepare/output/prepared.jsonl' }],
      folder: join(folder.path, 'prepare'),
    };
    const { results, outputs } = await target.runTrainer(prepare, ignore);
    expect(results.prepare?.facts).toMatchObject({ rows: 3, kept: 3, dropped: {} });
    const lines = (await readFile(outputs['prepared.jsonl'] ?? '', 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(tinyRows.map(({ id }) => id));
  });

  it('says in its own words what is wrong with a job', async () => {
    const bad: TrainerJob = {
      commands: [{ command: 'prepare', fields: { model: '{in:base}', samples: '/nothing.jsonl', max_tokens: 0 } }],
      inputs: { base: finished.outputs.model ?? '' },
      outputs: [],
      folder: join(folder.path, 'bad'),
    };
    const failing = target.runTrainer(bad, ignore);
    await expect(failing).rejects.toMatchObject({
      code: 'trainer/bad-job',
      message: expect.stringMatching(/samples: no such file[\s\S]*max_tokens/),
    });
  });

  it('sees no secret, and leaves nothing behind when it is stopped', async () => {
    const canary = 'hf_canary0123456789abcdef';
    const secrets = { HF_TOKEN: canary, OPENAI_API_KEY: canary, SSH_AUTH_SOCK: canary, SECPI_ANYTHING: canary };
    const environment = { ...process.env, ...secrets };
    const endless = { ...(await tinyJob(folder.path, 1_000_000)), folder: join(folder.path, 'endless') };
    const controller = new AbortController();
    let seen: Record<string, string> = {};
    const said: string[] = [];
    const running = openTarget({ local: settings }, { python: at(python), variables: environment }).runTrainer(
      endless,
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === 'log') said.push(event.message);
          if (event.type !== 'metric' || controller.signal.aborted) return;
          const [id = 0] = processesNaming('tiny.json').filter((pid) => cwdOf(pid).startsWith(endless.folder));
          seen = environmentOf(id);
          controller.abort(new Error('enough'));
        },
      },
    );
    await expect(running).rejects.toThrow('enough');
    expect(processesNaming(endless.folder)).toEqual([]);
    expect(seen).toMatchObject({ OMP_WAIT_POLICY: 'PASSIVE', HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' });
    expect(JSON.stringify(seen)).not.toContain(canary);
    for (const entry of await readdir(endless.folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) expect(await readFile(path, 'utf8'), path).not.toContain(canary);
    }
    const exit = join(endless.folder, 'job', 'attempts', '1', 'exit.json');
    const ended = JSON.parse(await readFile(exit, 'utf8'));
    expect(ended).toMatchObject({ outcome: 'stopped', step: 'tiny', code: 75, checkpointed: expect.any(Number) });
    expect(said).toContain(`saved at step ${ended.checkpointed}`);
  });

  it('stops when secpi is killed, and goes on from what it had saved', async () => {
    const endless = { ...(await tinyJob(folder.path, 1_000_000)), folder: join(folder.path, 'orphan') };
    const parent = startParent(python, endless);
    await once(parent.stdout, 'data');
    expect(processesNaming(join(endless.folder, 'job')).length).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    await goneProcesses(join(endless.folder, 'job'));
    const exit = join(endless.folder, 'job', 'attempts', '1', 'exit.json');
    await expect
      .poll(() => readFile(exit, 'utf8').then(JSON.parse), { timeout: 30_000 })
      .toMatchObject({
        outcome: 'stopped',
        results: { tiny: { outcome: 'stopped' } },
      });
  });
});
