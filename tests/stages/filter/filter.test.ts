import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../../src/datasets/task.js';
import { buildGraph, graphNode } from '../../../src/engine/flow/graph.js';
import { planRun } from '../../../src/engine/flow/plan.js';
import { filter, filterParams } from '../../../src/stages/filter/filter.js';
import { rejectedTaskSchema, relevantTaskSchema } from '../../../src/stages/filter/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import { type ServerScript, startOpenaiServer } from '../../support/openai-server.js';
import { aTask } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';

/** Tasks are told apart by a word in their prompt, which the server decides by. */
const taskOf = (word: string, row = 1) => aTask({ prompt: `Write a function about ${word}.`, row });

const verdict = (fields: object) =>
  JSON.stringify({ relevant: true, cwes: ['CWE-89'], confidence: 0.9, reason: 'a reason', ...fields });

/** Answers by the word of the task; a string is the answer's text. */
function byWord(answers: Readonly<Record<string, string | ReturnType<ServerScript>>>): ServerScript {
  return (chat) => {
    const word = Object.keys(answers).find((candidate) => chat.prompt.includes(`about ${candidate}.`)) ?? '';
    const answer = answers[word];
    return typeof answer === 'string' || answer === undefined ? { kind: 'answer', content: answer ?? '?' } : answer;
  };
}

async function runFilter(
  home: StageHome,
  tasks: readonly Task[],
  url: string | undefined,
  params: Readonly<Record<string, unknown>> = {},
) {
  const specs = { classifier: testModel(url === undefined ? {} : { endpoint: url }) };
  return runNodes<StageServices>(
    home,
    [
      given('collect', { files: { 'tasks.jsonl': tasks }, counts: { tasks: tasks.length } }),
      graphNode({ name: 'filter', stage: filter, params: filterParams.parse(params), inputs: { tasks: 'collect' } }),
    ],
    testServices(home, { specs }),
  );
}

describe('filter', () => {
  it('keeps relevant tasks with their labels and writes the others down with a code', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(
      byWord({
        queries: `Here you are:\n\`\`\`json\n${verdict({ cwes: ['cwe-089', '22', 'CWE-89'] })}\n\`\`\``,
        sorting: verdict({ relevant: false, cwes: [], confidence: 0.8, reason: 'pure algorithm' }),
        guessing: verdict({ confidence: 0.4 }),
        novelty: verdict({ cwes: ['CWE-99999'] }),
        edge: verdict({ confidence: 0.5 }),
      }),
    );
    const tasks = ['queries', 'sorting', 'guessing', 'novelty', 'edge'].map((word, index) => taskOf(word, index + 1));
    const run = await runFilter(home, tasks, server.url);
    expect(run.error).toBeUndefined();

    const kept = (await run.rows('filter', 'kept.jsonl')).map((row) => relevantTaskSchema.parse(row));
    expect(kept.map(({ id, cwes }) => [id, cwes])).toEqual([
      [tasks[0]?.id, ['CWE-89', 'CWE-22']],
      [tasks[4]?.id, ['CWE-89']],
    ]);
    expect(kept[0]).toEqual({ ...tasks[0], cwes: ['CWE-89', 'CWE-22'], confidence: 0.9, reason: 'a reason' });
    const rejected = (await run.rows('filter', 'rejected.jsonl')).map((row) => rejectedTaskSchema.parse(row));
    expect(rejected.map(({ id, code }) => [id, code])).toEqual([
      [tasks[1]?.id, 'not_relevant'],
      [tasks[2]?.id, 'low_confidence'],
      [tasks[3]?.id, 'unknown_cwes'],
    ]);
    expect(rejected[0]?.reason).toBe('pure algorithm');
    const { manifest } = await run.artifact('filter');
    expect(manifest.counts).toEqual({ tasks: 5, kept: 2, rejected: 3 });
    expect(manifest.reasons).toEqual({ not_relevant: 1, low_confidence: 1, unknown_cwes: 1 });
    expect(manifest.tokens).toEqual({ input: 50, output: 25 });
  });

  it('asks for JSON, shows the chosen groups only, and accepts no weakness of another group', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(
      byWord({ queries: verdict({}), paths: verdict({ cwes: ['CWE-22', 'CWE-89'] }) }),
    );
    const run = await runFilter(home, [taskOf('queries'), taskOf('paths', 2)], server.url, { groups: ['path'] });
    expect(await run.rows('filter', 'kept.jsonl')).toMatchObject([{ cwes: ['CWE-22'] }]);
    expect(await run.rows('filter', 'rejected.jsonl')).toMatchObject([{ code: 'unknown_cwes', cwes: [] }]);
    for (const { body } of server.received) {
      expect(body.response_format).toEqual({ type: 'json_object' });
      expect(body.messages[0]?.content).toContain('CWE-22 ');
      expect(body.messages[0]?.content).not.toContain('CWE-89 ');
    }
  });

  it('keeps at most max_tasks, the first of the data, whatever order the answers come in', async () => {
    await using home = await stageHome();
    const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];
    // The later in the data, the sooner answered.
    await using server = await startOpenaiServer(async (chat) => {
      const at = words.findIndex((word) => chat.prompt.includes(`about ${word}.`));
      await sleep((words.length - at) * 20);
      return {
        kind: 'answer',
        content: verdict({ reason: words[at], relevant: at !== 1, cwes: at === 1 ? [] : ['CWE-89'] }),
      };
    });
    const tasks = words.map((word, index) => taskOf(word, index + 1));
    const run = await runFilter(home, tasks, server.url, { max_tasks: 2 });
    const reasons = async (file: string) => (await run.rows('filter', file)).map(({ reason }) => reason);
    expect(server.maxConcurrency).toBeGreaterThan(1);
    expect(await reasons('kept.jsonl')).toEqual(['alpha', 'gamma']);
    expect(await reasons('rejected.jsonl')).toEqual(['beta']);
    const { counts, reasons: codes } = (await run.artifact('filter')).manifest;
    expect(codes).toEqual({ not_relevant: 1 });
    expect(counts).toEqual({ tasks: 3, kept: 2, rejected: 1, not_asked: 3 });
    // Two are surely needed, then one more, and by then it looks as if two would bring it.
    expect(server.received.length).toBeLessThanOrEqual(4);
  });

  it('leaves the room for an answer alone when something else is set', () => {
    expect(filterParams.parse({ sampling: { temperature: 0.2 } }).sampling).toMatchObject({
      temperature: 0.2,
      max_tokens: 512,
    });
    expect(filterParams.parse({}).sampling).toEqual({ temperature: 0, top_p: 1, max_tokens: 512 });
  });

  it('drops a task whose answers stay unusable, and says what was wrong with the last', async () => {
    await using home = await stageHome();
    let asked = 0;
    await using server = await startOpenaiServer((chat) => {
      if (chat.prompt.includes('about stubborn.')) return { kind: 'answer', content: 'I would say yes.' };
      if (chat.prompt.includes('about filtered.')) return { kind: 'answer', content: '', finish: 'content_filter' };
      if (chat.prompt.includes('about endless.')) return { kind: 'answer', content: '{"rel', finish: 'length' };
      asked += 1;
      return { kind: 'answer', content: asked === 1 ? verdict({ confidence: 7 }) : verdict({}) };
    });
    const tasks = ['stubborn', 'filtered', 'endless', 'second-try'].map((word, index) => taskOf(word, index + 1));
    const run = await runFilter(home, tasks, server.url);
    expect(run.outcome).toBe('done');
    expect(await run.rows('filter', 'rejected.jsonl')).toMatchObject([
      { code: 'unparsable', confidence: null, cwes: [], reason: expect.stringContaining('no JSON object') },
      { code: 'refused', reason: expect.stringContaining('content filter') },
      { code: 'truncated', reason: expect.stringContaining('1024 tokens') },
    ]);
    expect(await run.rows('filter', 'kept.jsonl')).toMatchObject([{ id: tasks[3]?.id }]);
  });

  it('counts apart what got no verdict, and warns of it, also when it is taken from an earlier run', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(
      byWord({
        queries: verdict({}),
        sorting: verdict({ relevant: false, cwes: [] }),
        poison: { kind: 'status', status: 400, body: '{"error": {"code": "content_filter", "message": "filtered"}}' },
        exploits: { kind: 'answer', content: '', finish: 'content_filter' },
        endless: { kind: 'answer', content: '{"rel', finish: 'length' },
      }),
    );
    const words = ['queries', 'sorting', 'poison', 'exploits', 'endless'];
    const tasks = words.map((word, index) => taskOf(word, index + 1));
    for (const outcome of ['done', 'cached']) {
      const run = await runFilter(home, tasks, server.url);
      expect(run.outcomeOf('filter')).toBe(outcome);
      expect((await run.artifact('filter')).manifest).toMatchObject({
        counts: { tasks: 5, kept: 1, rejected: 1, without_a_verdict: 3 },
        reasons: { not_relevant: 1, refused: 2, truncated: 1 },
      });
      const said = run.events.filter((event) => 'stage' in event && event.stage === 'filter').slice(-2);
      expect(said).toMatchObject([
        {
          type: 'log',
          level: 'warn',
          message: '3 of 5 tasks got no verdict (refused 2, truncated 1) and are not kept: see rejected.jsonl',
        },
        { type: 'stage-finished', outcome },
      ]);
    }
  });

  it('stops when the server fails, keeps the answers, and asks only for the rest next time', async () => {
    await using home = await stageHome();
    let broken = true;
    await using server = await startOpenaiServer((chat) => {
      if (broken && chat.prompt.includes('about second.')) return { kind: 'reset' };
      return { kind: 'answer', content: verdict({}) };
    });
    const tasks = ['first', 'second', 'third'].map((word, index) => taskOf(word, index + 1));
    const failed = await runFilter(home, tasks, server.url);
    expect(failed).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(failed.error).toMatchObject({
      code: 'models/unanswered',
      message: expect.stringContaining('1 question to `classifier` got no answer (1 × transport)'),
      hint: expect.stringContaining('ask only for what is missing'),
    });
    await expect(failed.artifact('filter')).rejects.toThrow();

    broken = false;
    const before = server.received.length;
    const healed = await runFilter(home, tasks, server.url);
    expect(healed.outcome).toBe('done');
    expect(server.received.slice(before).map(({ prompt }) => /about (\w+)\./.exec(prompt)?.[1])).toEqual(['second']);
    expect(await healed.rows('filter', 'kept.jsonl')).toMatchObject(tasks.map(({ id }) => ({ id })));
    // Counted are the answers that were used, so that the manifest does not tell of the interruption.
    expect((await healed.artifact('filter')).manifest.tokens).toEqual({ input: 30, output: 15 });
  });

  it('says how to get answers when there is neither an endpoint nor a fitting recording', async () => {
    await using home = await stageHome();
    const run = await runFilter(home, [taskOf('queries')], undefined);
    expect(run.error).toMatchObject({
      code: 'models/unanswered',
      message: expect.stringContaining('1 × not_recorded'),
      hint: expect.stringContaining('`models.classifier` an endpoint, or a recording'),
    });
  });

  it('estimates what is still to be bought', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(byWord({ queries: verdict({}) }));
    const first = await runFilter(home, [taskOf('queries')], server.url);
    expect(first.outcome).toBe('done');
    const tasks = [taskOf('queries'), taskOf('more', 2)];
    const collect = given<StageServices>('collect', { files: { 'tasks.jsonl': tasks }, counts: { tasks: 2 } });
    const services = testServices(home, { specs: { classifier: testModel({ endpoint: server.url }) } });
    await runNodes(home, [collect], services);
    const graph = buildGraph([
      collect,
      graphNode({ name: 'filter', stage: filter, params: filterParams.parse({}), inputs: { tasks: 'collect' } }),
    ]);
    const plan = await planRun({ graph, state: home.state, seed: 3, services, signal: new AbortController().signal });
    expect(plan[1]).toMatchObject({
      state: 'run',
      estimate: { requests: 1, output_tokens: 512, note: '1 answers are kept already' },
    });
    expect(server.received).toHaveLength(1);
  });
});
