import { describe, expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import type { RelevantTask } from '../../../src/stages/filter/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import { missingTraceSchema, traceSchema } from '../../../src/stages/trace/records.js';
import { trace, traceParams } from '../../../src/stages/trace/trace.js';
import { type ServerAction, type ServerScript, startOpenaiServer } from '../../support/openai-server.js';
import { aRelevantTask } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';

async function runTrace(
  home: StageHome,
  tasks: readonly RelevantTask[],
  url: string,
  params: Readonly<Record<string, unknown>> = {},
) {
  return runNodes<StageServices>(
    home,
    [
      given('filter', { files: { 'kept.jsonl': tasks }, counts: { kept: tasks.length } }),
      graphNode({ name: 'trace', stage: trace, params: traceParams.parse(params), inputs: { tasks: 'filter' } }),
    ],
    testServices(home, { specs: { teacher: testModel({ endpoint: url }) } }),
  );
}

const task = aRelevantTask();
const answer = (fields: Partial<Extract<ServerAction, { kind: 'answer' }>>): ServerAction => ({
  kind: 'answer',
  ...fields,
});

describe('trace', () => {
  it('keeps reasoning and answer apart, however the server gives them', async () => {
    await using home = await stageHome();
    const shapes: Readonly<Record<string, ServerAction>> = {
      'a field': answer({ reasoning: 'I think.', content: 'I answer.' }),
      'another field': answer({ reasoning: 'I think.', reasoningField: 'reasoning', content: 'I answer.' }),
      'inline tags': answer({ content: '<think>\nI think.\n</think>\n\nI answer.' }),
      'the closing tag alone': answer({ content: 'I think.\n</think>\n\nI answer.' }),
      nothing: answer({ content: 'I answer.' }),
    };
    const names = Object.keys(shapes);
    const script: ServerScript = (chat) =>
      shapes[names.find((name) => chat.prompt.endsWith(` by ${name}.`)) ?? ''] ?? answer({});
    await using server = await startOpenaiServer(script);
    const tasks = names.map((name, index) => aRelevantTask({ prompt: `Reason by ${name}.`, row: index + 1 }));
    const run = await runTrace(home, tasks, server.url);
    expect(run.error).toBeUndefined();
    const traces = (await run.rows('trace', 'traces.jsonl.gz')).map((row) => traceSchema.parse(row));
    expect(traces.map(({ reasoning, answer: said }) => [reasoning?.trim() ?? null, said.trim()])).toEqual([
      ...names.slice(0, 4).map(() => ['I think.', 'I answer.']),
      [null, 'I answer.'],
    ]);
    expect(traces[0]).toMatchObject({ task: tasks[0], sample: 0, finish: 'stop', tokens: { input: 10, output: 5 } });
  });

  it('tells the teacher what matters, a reminder, or nothing; each is another artifact', async () => {
    await using home = await stageHome();
    const asked: (readonly { readonly role: string; readonly content: string }[])[] = [];
    await using server = await startOpenaiServer((chat) => {
      asked.push(chat.body.messages);
      return answer({ reasoning: 'r', content: 'a' });
    });
    const fingerprints = new Set<string>();
    for (const prompt of ['security', 'reminder', 'none']) {
      const run = await runTrace(home, [task], server.url, { prompt });
      fingerprints.add((await run.artifact('trace')).manifest.fingerprint);
    }
    expect(fingerprints.size).toBe(3);
    const [security, reminder, none] = asked;
    expect(security?.[0]?.content).toContain('CWE-89');
    expect(reminder?.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(reminder?.[0]?.content).toContain('Make sure that the code is secure.');
    expect(reminder?.[0]?.content).not.toMatch(/CWE|\{\{/);
    expect(reminder?.[1]).toEqual({ role: 'user', content: task.prompt });
    expect(none).toEqual([{ role: 'user', content: task.prompt }]);
  });

  it('gives each sample of a task its own answer and id, task by task', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer((_chat, call) =>
      answer({ reasoning: 'r', content: `answer ${call}` }),
    );
    const tasks = [task, aRelevantTask({ prompt: 'Write a Go function that lists files.', language: 'go', row: 2 })];
    const run = await runTrace(home, tasks, server.url, { samples: 3, sampling: { temperature: 0.6 } });
    const traces = (await run.rows('trace', 'traces.jsonl.gz')).map((row) => traceSchema.parse(row));
    expect(traces.map((row) => [row.task.id, row.sample])).toEqual(
      tasks.flatMap(({ id }) => [0, 1, 2].map((sample) => [id, sample])),
    );
    expect(new Set(traces.map(({ id }) => id)).size).toBe(6);
    expect(new Set(traces.map(({ answer: said }) => said)).size).toBe(6);
    const { manifest } = await run.artifact('trace');
    expect(manifest.counts).toEqual({ questions: 6, traces: 6, missing: 0 });
    expect(manifest.tokens).toEqual({ input: 60, output: 30 });
  });

  it('names only the selected weaknesses to the teacher, and asks the task in its own words', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(() => answer({ reasoning: 'r', content: 'a' }));
    await runTrace(home, [task], server.url);
    const [system, user] = server.received[0]?.body.messages ?? [];
    expect(user).toEqual({ role: 'user', content: task.prompt });
    expect(system?.content).toContain('CWE-89');
    expect(system?.content.match(/CWE-\d+/g)).toEqual(['CWE-89']);
  });

  it('writes down what gave no trace, with a code', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer((chat) => {
      if (chat.prompt.includes('long')) return answer({ reasoning: 'on and on', content: '', finish: 'length' });
      if (chat.prompt.includes('odd')) return answer({ content: '', finish: 'content_filter' });
      return answer({ reasoning: 'r', content: 'a' });
    });
    const tasks = ['long', 'odd', 'plain'].map((word, index) =>
      aRelevantTask({ prompt: `A ${word} task.`, row: index + 1 }),
    );
    const run = await runTrace(home, tasks, server.url, { sampling: { max_tokens: 100 } });
    const missing = (await run.rows('trace', 'missing.jsonl')).map((row) => missingTraceSchema.parse(row));
    expect(missing).toMatchObject([
      {
        task_id: tasks[0]?.id,
        language: 'python',
        cwes: ['CWE-89'],
        sample: 0,
        code: 'truncated',
        reason: expect.stringContaining('200 tokens'),
      },
      { task_id: tasks[1]?.id, code: 'refused' },
    ]);
    expect(await run.rows('trace', 'traces.jsonl.gz')).toMatchObject([{ task: { id: tasks[2]?.id } }]);
    const { manifest } = await run.artifact('trace');
    expect(manifest.counts).toEqual({ questions: 3, traces: 1, missing: 2 });
    expect(manifest.reasons).toEqual({ truncated: 1, refused: 1 });
  });

  it('ends when the budget is spent, commits nothing, and goes on with a larger one', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(() =>
      answer({ reasoning: 'r', content: 'a', usage: { prompt_tokens: 1000, completion_tokens: 1000 } }),
    );
    const tasks = Array.from({ length: 8 }, (_, index) => aRelevantTask({ prompt: `Task ${index}.`, row: index + 1 }));
    const runWith = (tokens: number) =>
      runNodes<StageServices>(
        home,
        [
          given('filter', { files: { 'kept.jsonl': tasks }, counts: { kept: 8 } }),
          graphNode({ name: 'trace', stage: trace, params: traceParams.parse({}), inputs: { tasks: 'filter' } }),
        ],
        testServices(home, {
          specs: {
            teacher: testModel({
              ...{ endpoint: server.url, budget: { tokens, usd: 1 }, price: { input: 1, output: 2 } },
              concurrency: { start: 1, max: 1 },
            }),
          },
        }),
      );
    // Enough for a few answers of 2000 tokens each, not for all.
    const first = await runWith(10_000);
    expect(first.outcome).toBe('failed');
    expect(first.exitCode).toBe(1);
    expect(first.error).toMatchObject({ code: 'models/budget-spent' });
    const bought = server.received.length;
    expect(bought).toBeGreaterThan(0);
    expect(bought).toBeLessThan(8);

    const second = await runWith(100_000);
    expect(second.outcome).toBe('done');
    expect(server.received).toHaveLength(8);
    const { manifest } = await second.artifact('trace');
    expect(manifest.counts).toEqual({ questions: 8, traces: 8, missing: 0 });
    // Also of what the first run bought.
    expect(manifest.tokens).toEqual({ input: 8000, output: 8000 });
    expect(manifest.cost_usd).toBeCloseTo(8 * 3000e-6);
  });

  it('stops when the server goes away, and buys nothing twice', async () => {
    await using home = await stageHome();
    let broken = true;
    await using server = await startOpenaiServer((chat) =>
      broken && chat.prompt.includes('second')
        ? { kind: 'status', status: 500 }
        : answer({ reasoning: 'r', content: 'a' }),
    );
    const tasks = ['first', 'second'].map((word, index) =>
      aRelevantTask({ prompt: `A ${word} task.`, row: index + 1 }),
    );
    const failed = await runTrace(home, tasks, server.url, { samples: 2 });
    const message = expect.stringContaining('`trace.samples` is 2 at temperature 0');
    expect(failed.events).toContainEqual(expect.objectContaining({ type: 'log', level: 'warn', message }));
    expect(failed.error).toMatchObject({ code: 'models/unanswered', message: expect.stringContaining('2 × server') });
    broken = false;
    const before = server.received.length;
    const healed = await runTrace(home, tasks, server.url, { samples: 2 });
    expect(healed.outcome).toBe('done');
    expect(server.received.slice(before).map(({ prompt }) => prompt)).toEqual(['A second task.', 'A second task.']);
    expect((await healed.artifact('trace')).manifest.counts.traces).toBe(4);
  });
});
