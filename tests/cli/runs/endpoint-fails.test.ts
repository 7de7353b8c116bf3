import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { type OpenaiServer, type ServerAction, startOpenaiServer } from '../../support/openai-server.js';
import { type CliResult, jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

/** Everything that can end the asking for good, each met by a model of its own; the last answers all. */
interface Failing {
  readonly model: string;
  /** What comes for an answer. Without it nobody is there, at this address. */
  readonly does: ServerAction | { readonly nobodyAt: string } | 'answer';
  /** So many questions are answered before. */
  readonly after: number;
  /** Further fields of the recipe's model; waiting is short here, and works as it does where it is long. */
  readonly fields?: string;
  readonly code?: string;
  readonly says?: RegExp;
}

const TASKS = 12;
const status = (code: number, message: string, headers = {}): ServerAction => ({
  kind: 'status',
  status: code,
  headers,
  body: JSON.stringify({ error: { message } }),
});
const failing: readonly Failing[] = [
  {
    model: 'budget',
    does: 'answer',
    after: TASKS,
    fields: 'budget: { tokens: 30000 }',
    code: 'models/budget-spent',
    says: /\(30000 tokens\) is spent: \d+ tokens went/,
  },
  {
    model: 'unauthorised',
    does: status(401, 'wrong key'),
    after: 0,
    code: 'models/unauthorised',
    says: /401 wrong key/,
  },
  { model: 'revoked', does: status(401, 'revoked'), after: 4, code: 'models/unauthorised', says: /401 revoked/ },
  { model: 'no-credit', does: status(402, 'pay first'), after: 4, code: 'models/no-credit', says: /402 pay first/ },
  {
    model: 'no-model',
    does: status(404, 'no model m'),
    after: 0,
    code: 'models/no-such-model',
    says: /404 no model m/,
  },
  {
    model: 'web-page',
    does: { kind: 'raw', body: '<html>It works!</html>' },
    after: 0,
    code: 'models/unreachable',
    says: /Nobody answers.* not a chat completion: <html>It works!/,
  },
  {
    model: 'busy',
    does: status(429, 'too many'),
    after: 4,
    code: 'models/saturated',
    says: /nothing for \d+ s.* 429 too many/,
  },
  {
    model: 'busy-and-asks-for-time',
    does: status(429, 'too many', { 'retry-after-ms': '300' }),
    after: 4,
    code: 'models/saturated',
    says: /429 too many \(it asks for 0\.3 s/,
  },
  {
    model: 'broken',
    does: status(500, 'out of memory'),
    after: 4,
    code: 'models/saturated',
    says: /500 out of memory/,
  },
  { model: 'gone', does: { kind: 'reset' }, after: 4, code: 'models/saturated', says: /ECONNRESET/ },
  {
    model: 'stalled',
    does: { kind: 'stall' },
    after: 4,
    fields: 'timeout_seconds: 5',
    code: 'models/saturated',
    says: /no complete answer within 5 s/,
  },
  {
    model: 'no-port',
    does: { nobodyAt: 'http://127.0.0.1:1/v1' },
    after: 0,
    code: 'models/unreachable',
    says: /Nobody answers at http:\/\/127\.0\.0\.1:1\/v1 .*ECONNREFUSED/,
  },
  {
    model: 'no-name',
    does: { nobodyAt: 'http://nowhere.invalid/v1' },
    after: 0,
    code: 'models/unreachable',
    says: /Nobody answers at http:\/\/nowhere\.invalid\/v1 .*(ENOTFOUND|EAI_AGAIN)/,
  },
];
const untroubled: Failing = { model: 'untroubled', does: 'answer', after: TASKS };
const models = [...failing, untroubled];

const VERDICT = JSON.stringify({ relevant: true, cwes: ['CWE-89'], confidence: 0.9, reason: 'It builds a query.' });
const USAGE = { prompt_tokens: 6000, completion_tokens: 100 };

const tokensOf = (answers: number) =>
  answers === 0 ? undefined : { input: answers * USAGE.prompt_tokens, output: answers * USAGE.completion_tokens };

const byModel = new Map<string, { asked: number; readonly answered: string[] }>();
const of = (model: string) => {
  const known = byModel.get(model) ?? { asked: 0, answered: [] };
  byModel.set(model, known);
  return known;
};
let isWell = false;
let server: OpenaiServer;
let home: Awaited<ReturnType<typeof temporaryFolder>>;

/** The same command each time; where the servers are that were not there is for the environment to say. */
function secpi(...args: readonly string[]): Promise<CliResult> {
  const gone = models.flatMap(({ model, does }) =>
    typeof does === 'object' && 'nobodyAt' in does ? [[variableOf(model), isWell ? server.url : does.nobodyAt]] : [],
  );
  return runCli(args, { cwd: home.path, env: Object.fromEntries(gone) });
}

const variableOf = (model: string) => model.replaceAll('-', '_').toUpperCase();

async function writeRecipes(more: Readonly<Record<string, string>> = {}): Promise<void> {
  const specs = models.map(({ model, does, fields }) => {
    const endpoint = typeof does === 'object' && 'nobodyAt' in does ? `\${${variableOf(model)}}` : server.url;
    const further = more[model] ?? fields;
    return `  ${model}: { model: ${model}, endpoint: "${endpoint}", saturation_seconds: 1${further ? `, ${further}` : ''} }\n`;
  });
  const recipe = `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}
models:
${specs.join('')}collect: { sources: [{ file: tasks.jsonl, language: language, licence: apache-2.0 }], near_duplicates: null }
`;
  const matrix = `matrix: { filter.by: [${models.map(({ model }) => model).join(', ')}] }\n`;
  await writeFile(join(home.path, 'r.yaml'), `${recipe}name: all\n${matrix}`);
  await writeFile(join(home.path, 'one.yaml'), `${recipe}name: one\nfilter: { by: untroubled }\n`);
}

/** What the artifacts of a stage hold, and what they took. */
async function artifacts(stage: string): Promise<readonly unknown[]> {
  const folder = join(home.path, '.secpi', 'artifacts', stage);
  const names = await readdir(folder).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const { digest, counts, tokens } = JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<
        string,
        unknown
      >;
      return { digest, counts, tokens };
    }),
  );
}

beforeAll(async () => {
  home = await temporaryFolder();
  server = await startOpenaiServer(async ({ body, prompt }) => {
    const { does, after } = models.find(({ model }) => model === body.model) ?? untroubled;
    const known = of(body.model);
    known.asked += 1;
    if (does !== 'answer' && !isWell && known.answered.length >= after) {
      if ('nobodyAt' in does) throw new Error('nobody is to be here');
      return does;
    }
    known.answered.push(prompt);
    // So that some are still under way when the end comes.
    if (!isWell) await sleep(100);
    const content = body.response_format === undefined ? `About ${prompt.length} letters.` : VERDICT;
    return { kind: 'answer', content, usage: USAGE };
  });
  const tasks = Array.from({ length: TASKS }, (_, n) => ({
    prompt: `Look up user ${n} in SQLite.`,
    language: 'python',
  }));
  await writeFile(join(home.path, 'tasks.jsonl'), tasks.map((task) => `${JSON.stringify(task)}\n`).join(''));
  await writeRecipes();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

describe('a run whose questions nobody answers any more', () => {
  const command = ['run', 'r.yaml', '--until', 'filter', '--json'] as const;

  it('fails in one sentence that says why and what to do, and nothing is committed', async () => {
    const { exitCode, stdout, stderr } = await secpi(...command);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    const lines = jsonLines(stdout);
    const ends = new Map(
      lines.flatMap(({ type, stage, member, ...rest }) =>
        type === 'stage-finished' && stage === 'filter' ? [[member, rest]] : [],
      ),
    );
    for (const { model, code, says } of failing) {
      const end = ends.get(`filter.by=${model}`);
      expect(end, model).toMatchObject({ outcome: 'failed', error: { code, hint: expect.any(String) } });
      const { message } = (end as { error: { message: string } }).error;
      expect(message, model).toMatch(/^[A-Z].*[^.\n]$/);
      expect(message, model).toMatch(says ?? /./);
      expect(message, model).toContain(model);
      if (model !== 'budget') expect(message, model).toMatch(/ at http:\/\/[^/]+\/v1 /);
      const warnings = lines.filter(({ level, member }) => level === 'warn' && member === `filter.by=${model}`);
      expect(warnings.length, model).toBeLessThanOrEqual(3);
      // What was answered is told of, though nothing came of it yet.
      expect((end as { tokens?: unknown }).tokens, model).toEqual(tokensOf(of(model).answered.length));
    }
    const finished = lines.filter(({ type }) => type === 'run-finished');
    for (const { model } of models) {
      const { tokens } = finished.find(({ member }) => member === `filter.by=${model}`) ?? {};
      expect(tokens, model).toEqual(tokensOf(of(model).answered.length) ?? { input: 0, output: 0 });
    }
    expect(ends.get('filter.by=untroubled')).toMatchObject({ outcome: 'done' });
    expect(await artifacts('filter')).toHaveLength(1);
  });

  it('finishes later with the same command, which asks for what is missing and for nothing else', async () => {
    const before = new Map(models.map(({ model }) => [model, of(model).answered.length]));
    for (const { model, after } of failing) {
      if (model === 'budget') expect(before.get(model)).toBeGreaterThan(0);
      expect(before.get(model), model).toBeLessThan(TASKS);
      if (model !== 'budget') expect(before.get(model), model).toBe(after);
    }
    isWell = true;
    await writeRecipes({ budget: 'budget: { tokens: 300000 }' });
    for (const known of byModel.values()) known.asked = 0;
    const { exitCode, stdout } = await secpi(...command);
    expect({ exitCode, last: jsonLines(stdout).at(-1) }).toMatchObject({ exitCode: 0, last: { exit_code: 0 } });
    for (const { model } of models) {
      const { asked, answered } = of(model);
      expect(asked, model).toBe(TASKS - (before.get(model) ?? 0));
      expect(new Set(answered).size, model).toBe(TASKS);
      expect(answered, model).toHaveLength(TASKS);
    }
    const made = await artifacts('filter');
    expect(made).toHaveLength(models.length);
    for (const one of made) expect(one).toEqual(made[0]);
  });

  it('tells a person the same, keeps the stages before, and the command that goes on with', async () => {
    isWell = false;
    const asOf = (teacher: string) => ['run', 'one.yaml', '--until', 'trace', '--set', `trace.by=${teacher}`] as const;
    of('gone').answered.length = 0;
    const failed = await secpi(...asOf('gone'), '--quiet');
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr.replace(/:\d+\/v1/, ':PORT/v1').replace(/for \d+ s/, 'for N s')).toMatchInlineSnapshot(`
      "
      error in trace: Model "gone" at http://127.0.0.1:PORT/v1 has answered nothing for N s; the last thing that came: Connection error: read ECONNRESET
      hint: All answers so far are kept: run the same command again once the server is well. A lower concurrency.start or requests_per_minute of models.gone may help, and a longer saturation_seconds is more patient.
      code: models/saturated
      continue with: secpi run one.yaml --set trace.by=gone --until trace"
    `);
    expect(await artifacts('trace')).toEqual([]);
    isWell = true;
    const { exitCode, stdout } = await secpi(...asOf('gone'));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/collect +cached/);
    expect(stdout).toMatch(/filter +cached/);
    expect(of('gone').answered.sort()).toEqual([...new Set(of('gone').answered)].sort());
    expect(await secpi(...asOf('untroubled'))).toMatchObject({ exitCode: 0 });
    const made = await artifacts('trace');
    expect(made).toHaveLength(2);
    expect(made[0]).toEqual(made[1]);
  });
});
