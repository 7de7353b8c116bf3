import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { modelFolders } from '../../src/models/answers/model-folder.js';
import { walkAnswers } from '../../src/models/answers/upkeep/walk-answers.js';
import { type BatchStep, startBatchServer } from '../support/batch-server.js';
import type { ServerScript } from '../support/openai-server.js';
import { cliCommand, cliEnvironment, temporaryFolder } from '../support/run-cli.js';

/** Some tasks are relevant, some are not, and one is answered in a form that cannot be read the first time. */
const script: ServerScript = ({ body }) => {
  const task = body.messages[1]?.content ?? '';
  if (task.length % 7 === 0 && body.messages.length === 2) return { kind: 'answer', content: 'I had rather not say.' };
  const relevant = task.length % 3 > 0;
  const verdict = { relevant, cwes: relevant ? ['CWE-89', 'CWE-22'] : [], confidence: 0.9, reason: `${task.length}` };
  return { kind: 'answer', content: JSON.stringify(verdict) };
};

function start(folder: string) {
  const [program, ...first] = cliCommand();
  return execa(program, [...first, 'run', 'r.yaml', '--until', 'filter'], {
    cwd: folder,
    env: cliEnvironment(folder, { BATCH_KEY: 'a-key-that-nobody-may-see' }),
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    timeout: 100_000,
  });
}

async function writeRecipe(folder: string, endpoint: string, mode: string): Promise<void> {
  const model = `{ model: m, replay: null, endpoint: ${endpoint}, api_key_env: BATCH_KEY, ${mode} }`;
  const text = `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}\nname: batch\nmodels: { classifier: ${model} }\n`;
  await writeFile(join(folder, 'r.yaml'), text);
}

/** How many answers are on the disk, as soon as there are any or nobody is left who could bring them. */
async function keptIn(folder: string, run: ReturnType<typeof start>): Promise<number> {
  for (;;) {
    let kept = 0;
    for (const { path } of await modelFolders(join(folder, '.secpi'))) {
      for await (const { kind } of walkAnswers(path)) if (kind === 'answer') kept += 1;
    }
    if (kept > 0 || run.exitCode !== null || run.signalCode !== null) return kept;
    await sleep(20);
  }
}

/** What stands for the bytes that the stage has made. */
async function madeIn(folder: string): Promise<unknown> {
  const artifacts = join(folder, '.secpi', 'artifacts', 'filter');
  const [name = '', ...others] = (await readdir(artifacts)).filter((one) => one.endsWith('.json'));
  expect(others).toEqual([]);
  const { digest, counts, reasons, tokens } = JSON.parse(await readFile(join(artifacts, name), 'utf8'));
  return { digest, counts, reasons, tokens };
}

it('a run in batches that is ended at every step makes the same bytes as one online, and buys nothing twice', {
  timeout: 300_000,
}, async () => {
  await using folder = await temporaryFolder();
  await using reference = await temporaryFolder();
  const { path } = folder;
  /** The first `poll` is a Ctrl-C; everywhere else it is `kill -9`. */
  const ends: BatchStep[] = ['upload', 'create', 'created', 'poll', 'poll', 'half'];
  let run: ReturnType<typeof start> | undefined;
  let interruptible = true;
  let keptOfHalf = 0;
  let printed = '';
  await using server = await startBatchServer({
    script,
    onStep: async (step) => {
      if (step !== ends[0] || run === undefined) return undefined;
      ends.shift();
      // Some answers are on the disk then, and others are not: the rest of the file comes after this.
      if (step === 'half') keptOfHalf = await keptIn(path, run);
      run.kill(step === 'poll' && interruptible ? 'SIGINT' : 'SIGKILL');
      if (step === 'poll') interruptible = false;
      await run;
      return 'drop';
    },
  });
  await writeRecipe(path, server.url, 'mode: batch, batch: { poll_seconds: 0.3 }');
  const codes: unknown[] = [];
  while (ends.length > 0) {
    run = start(path);
    const { exitCode, signal, all = '' } = await run;
    codes.push(signal ?? exitCode);
    printed += all;
  }
  const { exitCode, all = '' } = await start(path);
  expect(exitCode, all).toBe(0);
  expect(codes).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 130, 'SIGKILL', 'SIGKILL']);
  expect(printed).toContain('1 batch goes on at the server, with 48 questions (batch_0); run the same command again');
  expect(printed + all).not.toContain('nobody-may-see');

  expect(keptOfHalf).toBeGreaterThan(0);
  expect(keptOfHalf).toBeLessThan(48);

  expect(new Set(server.bought.values())).toEqual(new Set([1]));
  expect(server.batches[0]?.total).toBe(48);
  expect(server.bought.size).toBeGreaterThan(48);
  expect(server.online).toBe(0);

  await using online = await startBatchServer({ script });
  await writeRecipe(reference.path, online.url, 'mode: online');
  expect((await start(reference.path)).exitCode).toBe(0);
  expect(await madeIn(path)).toEqual(await madeIn(reference.path));
  expect([...online.bought.keys()].sort()).toEqual([...server.bought.keys()].sort());
});
