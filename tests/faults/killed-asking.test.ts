import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { listManifests } from '../../src/engine/artifacts/artifact-store.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { setup } from '../support/current-build.js';
import { type ReceivedChat, type ServerAction, startOpenaiServer } from '../support/openai-server.js';
import { cliCommand, cliEnvironment, temporaryFolder } from '../support/run-cli.js';

const KILLS = 30;
const TASKS = 110;
const AT_ONCE = 4;
const VERDICT = JSON.stringify({ relevant: true, cwes: ['CWE-89'], confidence: 0.9, reason: 'It builds a query.' });

/** Right after a request has come, in the middle of its answer, or right after that was sent. */
const moments = ['asked', 'half', 'answered'] as const;

async function writeRecipe(folder: string, endpoint: string): Promise<void> {
  const tasks = Array.from({ length: TASKS }, (_, n) => ({
    prompt: `Look up user ${n} in SQLite.`,
    language: 'python',
  }));
  await writeFile(join(folder, 'tasks.jsonl'), tasks.map((task) => `${JSON.stringify(task)}\n`).join(''));
  const spec = (model: string) =>
    `{ model: ${model}, replay: null, endpoint: "${endpoint}", api_key_env: ATTEMPT, concurrency: { start: ${AT_ONCE}, max: ${AT_ONCE} } }`;
  await writeFile(
    join(folder, 'r.yaml'),
    `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}
name: killed
models: { classifier: ${spec('classifier')}, teacher: ${spec('teacher')} }
collect: { sources: [{ file: tasks.jsonl, language: language, licence: apache-2.0 }], near_duplicates: null }
`,
  );
}

/** `attempt`: what it shows the endpoint as its key, so that a question can be told from one of a process that was killed before. */
function start(folder: string, attempt = 0) {
  const [program, ...first] = cliCommand();
  const child = spawn(program, [...first, 'run', 'r.yaml', '--until', 'trace', '--quiet'], {
    cwd: folder,
    env: cliEnvironment(folder, { ATTEMPT: `key-of-attempt-${attempt}` }),
    stdio: 'ignore',
  });
  return { kill: () => child.kill('SIGKILL'), ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

async function results(folder: string) {
  const state = stateDirectory(join(folder, '.secpi'));
  const manifests = [...(await listManifests(state, 'filter')), ...(await listManifests(state, 'trace'))];
  return manifests.map(({ stage, digest, counts, tokens }) => ({ stage, digest, counts, tokens }));
}

const answerTo = ({ body, prompt }: ReceivedChat): ServerAction =>
  body.model === 'classifier'
    ? { kind: 'answer', content: VERDICT }
    : { kind: 'answer', content: `A query for ${prompt}`, reasoning: 'Values are bound, not pasted.' };

/** What becomes of the first attempt at one question in three. */
function faultFor(number: number): ServerAction | undefined {
  const faults: readonly ServerAction[] = [{ kind: 'status', status: 429 }, { kind: 'reset' }, { kind: 'cut' }];
  return number % 3 === 0 ? faults[(number / 3) % faults.length] : undefined;
}

beforeAll(setup);

it(`a run that is killed ${KILLS} times while its endpoint is faulty ends with the same bytes, and buys nothing twice but what was in flight`, async () => {
  await using calm = await temporaryFolder();
  await using kind = await startOpenaiServer(answerTo);
  await writeRecipe(calm.path, kind.url);
  expect(await start(calm.path).ended).toEqual([0, null]);
  const expected = await results(calm.path);
  expect(expected.map(({ counts }) => counts)).toMatchObject([{ kept: TASKS }, { traces: TASKS }]);

  await using home = await temporaryFolder();
  let victim: ReturnType<typeof start> | undefined;
  let running = 0;
  let left = 0;
  const tried = new Set<string>();
  /** In which attempt a question was answered last. */
  const answeredIn = new Map<string, number>();
  const lost = Array<number>(KILLS + 1).fill(0);
  await using server = await startOpenaiServer(async (chat) => {
    const question = `${chat.body.model} ${chat.prompt}`;
    const attempt = Number(/\d+$/.exec(chat.headers.authorization ?? '')?.[0]);
    const number = Number(/user (\d+) in/.exec(chat.prompt)?.[1]);
    const fault = tried.has(question) ? undefined : faultFor(number);
    tried.add(question);
    if (fault !== undefined) return fault;
    if (number % 20 === 1) await new Promise((resolve) => setTimeout(resolve, 50));
    if (attempt === running) left -= 1;
    const moment = attempt === running && left === 0 && attempt < KILLS ? moments[attempt % moments.length] : undefined;
    if (moment === 'asked') victim?.kill();
    else if (moment !== undefined) setImmediate(() => victim?.kill());
    if (moment === 'half') return { kind: 'cut' };
    // The other one of the two came to nothing: what a killed process has asked may be answered after that of the next.
    const other = answeredIn.get(question);
    if (other !== undefined) lost[Math.min(other, attempt)] = (lost[Math.min(other, attempt)] ?? 0) + 1;
    answeredIn.set(question, Math.max(other ?? 0, attempt));
    return answerTo(chat);
  });
  await writeRecipe(home.path, server.url);
  for (running = 0; running < KILLS; running += 1) {
    left = 3 + (running % 7);
    victim = start(home.path, running);
    expect(await victim.ended, `attempt ${running}`).toEqual([null, 'SIGKILL']);
  }
  expect(await start(home.path, KILLS).ended).toEqual([0, null]);
  expect(await results(home.path)).toEqual(expected);
  expect(answeredIn.size).toBe(2 * TASKS);
  // What the client had asked and not yet kept, and never what it had kept.
  expect(Math.max(...lost)).toBeLessThanOrEqual(AT_ONCE);
  expect(lost[KILLS]).toBe(0);
});
