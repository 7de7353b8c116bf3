import { describe, expect, it } from 'vitest';
import { buildGraph, graphNode } from '../../../src/engine/flow/graph.js';
import { planRun } from '../../../src/engine/flow/plan.js';
import { curate } from '../../../src/stages/curate/curate.js';
import { curateParams } from '../../../src/stages/curate/params.js';
import {
  droppedTraceSchema,
  funnelSchema,
  judgedTraceSchema,
  type Sample,
} from '../../../src/stages/curate/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import type { Trace } from '../../../src/stages/trace/records.js';
import { type ServerScript, startOpenaiServer } from '../../support/openai-server.js';
import { aRelevantTask, aTrace } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';

const good = aTrace();

/** A trace about a table, which the server decides by. */
const about = (table: string, change: Partial<Trace> = {}) =>
  aTrace({
    task: aRelevantTask({ prompt: `Look a row of ${table} up by name.` }),
    reasoning: `${good.reasoning} The table is ${table}.`,
    ...change,
  });

const judgement = (fields: object = {}) =>
  JSON.stringify({
    told: false,
    told_because: 'It speaks of the form only.',
    thought_through: true,
    thought_because: 'It says "a quote in it ends the literal" and binds the name.',
    ...fields,
  });

const script: ServerScript = ({ prompt }) => {
  const table = /row of (\w+) up/.exec(prompt)?.[1];
  if (table === 'told')
    return { kind: 'answer', content: judgement({ told: true, told_because: 'It says "as handed".' }) };
  if (table === 'hollow')
    return { kind: 'answer', content: judgement({ thought_through: false, thought_because: 'It only names it.' }) };
  if (table === 'mute') return { kind: 'answer', content: 'I would keep it.' };
  return { kind: 'answer', content: `Here:\n\`\`\`json\n${judgement()}\n\`\`\`` };
};

function nodesOf(traces: readonly Trace[], params: object) {
  const relevant = [...new Map(traces.map(({ task }) => [task.id, task])).values()];
  return [
    given<StageServices>('collect', { files: { 'tasks.jsonl': [] } }),
    given<StageServices>('filter', { files: { 'kept.jsonl': relevant } }),
    given<StageServices>('trace', { files: { 'traces.jsonl.gz': traces } }),
    graphNode({
      name: 'curate',
      stage: curate,
      params: { ...curateParams.parse({ judge: { by: 'small' }, ...params }), evaluated: [] },
      inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
    }),
  ];
}

async function run(
  home: StageHome,
  traces: readonly Trace[],
  spec: Parameters<typeof testModel>[0],
  params: object = {},
) {
  const services = testServices(home, { specs: { small: testModel(spec) } });
  return runNodes(home, nodesOf(traces, params), services);
}

describe('the judge', () => {
  const traces = [
    about('users'),
    about('leaky', { reasoning: `${good.reasoning} The guidance above says that I should bind the value.` }),
    about('told'),
    about('hollow'),
    about('mute'),
  ];

  it('is asked about what the filters let through, and drops with a sentence of its own', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(script);
    const { rows, artifact, text } = await run(home, traces, { endpoint: server.url });
    expect((await rows('curate', 'dropped.jsonl')).map((row) => droppedTraceSchema.parse(row))).toMatchObject([
      { trace_id: traces[1]?.id, code: 'prompt_leak' },
      { trace_id: traces[2]?.id, code: 'judged_leak', detail: 'It says "as handed".' },
      { trace_id: traces[3]?.id, code: 'judged_shallow', detail: 'It only names it.' },
    ]);
    // What it does not say anything usable of is kept and counted, as with every filter.
    const samples = await rows<Sample>('curate', 'samples.jsonl.gz');
    expect(samples.map(({ task_id }) => task_id)).toEqual([traces[0]?.task.id, traces[4]?.task.id]);
    const judged = (await rows('curate', 'judged.jsonl')).map((row) => judgedTraceSchema.parse(row));
    expect(judged.map(({ trace_id }) => trace_id)).toEqual([0, 2, 3, 4].map((index) => traces[index]?.id));
    expect(judged.at(-1)).toMatchObject({ judgement: null, unusable: expect.stringContaining('no JSON object') });
    const funnel = funnelSchema.parse(JSON.parse(await text('curate', 'funnel.json')));
    expect(funnel.filters.at(-1)).toEqual({ filter: 'judge', on: true, objects: 2, alone: 2, unverified: 1 });
    const { counts, reasons, tokens, preimage } = (await artifact('curate')).manifest;
    expect(counts).toEqual({ traces: 5, samples: 2, dropped: 3, judged: 4, unjudged: 1 });
    expect(reasons).toEqual({ prompt_leak: 1, judged_leak: 1, judged_shallow: 1 });
    // The mute one is asked twice more.
    expect(server.received).toHaveLength(6);
    expect(tokens).toEqual({ input: 60, output: 30 });
    expect(preimage).toMatchObject({ pins: { judge: { identity: 'test/model' }, prompt: expect.any(String) } });
    for (const { body } of server.received) expect(body.response_format).toEqual({ type: 'json_object' });
  });

  it('drops for what the recipe wants it to, and asks nothing anew when that changes', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(script);
    await run(home, traces, { endpoint: server.url });
    const asked = server.received.length;
    const again = async (drops: readonly string[]) =>
      (await (await run(home, traces, { endpoint: server.url }, { judge: { by: 'small', drops } })).artifact('curate'))
        .manifest.reasons;
    expect(await again(['leak'])).toEqual({ prompt_leak: 1, judged_leak: 1 });
    expect(await again(['depth'])).toEqual({ prompt_leak: 1, judged_shallow: 1 });
    expect(server.received).toHaveLength(asked);
  });

  it('comes before the best of a task and before the caps', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(({ prompt }) => ({
      kind: 'answer',
      content: judgement({ told: prompt.includes('At the end.') }),
    }));
    const many = ['users', 'groups'].flatMap((table) => [
      about(table, { reasoning: `${good.reasoning} At the end.` }),
      about(table, { sample: 1, answer: `${good.answer}\nThat is all there is to it.` }),
    ]);
    const kept = async (params: object) => {
      const { rows } = await run(home, many, { endpoint: server.url }, params);
      return (await rows<Sample>('curate', 'samples.jsonl.gz')).map(({ completion }) =>
        completion.includes('That is all'),
      );
    };
    expect(await kept({ best_of: 1 })).toEqual([true, true]);
    expect(await kept({ cap: { per_language: 1 } })).toEqual([true]);
  });

  it('stops the stage when it cannot be asked, and is asked only for the rest next time', async () => {
    await using home = await stageHome();
    let broken = true;
    await using server = await startOpenaiServer((chat, number) =>
      broken && chat.prompt.includes('row of hollow') ? { kind: 'reset' } : script(chat, number),
    );
    const failed = await run(home, traces, { endpoint: server.url });
    expect(failed.error).toMatchObject({ code: 'models/unanswered', message: expect.stringContaining('`small`') });
    await expect(failed.artifact('curate')).rejects.toThrow();
    broken = false;
    const before = server.received.length;
    const healed = await run(home, traces, { endpoint: server.url });
    expect(healed.error).toBeUndefined();
    expect(server.received.length - before).toBe(1);
    expect((await healed.artifact('curate')).manifest.tokens).toEqual({ input: 60, output: 30 });
  });

  it('ends with the budget of its model, and commits nothing', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(script);
    const spent = await run(home, traces, { endpoint: server.url, budget: { tokens: 20 } });
    expect(spent.error).toMatchObject({ code: 'models/budget-spent' });
    await expect(spent.artifact('curate')).rejects.toThrow();
  });

  it('is in the plan with questions and cost', async () => {
    await using home = await stageHome();
    const services = testServices(home, {
      specs: { small: testModel({ endpoint: 'http://127.0.0.1:9', price: { input: 1, output: 2 } }) },
    });
    const nodes = nodesOf(traces, {});
    await runNodes(home, nodes.slice(0, 3), services);
    const { signal } = new AbortController();
    const plan = await planRun({ graph: buildGraph(nodes), state: home.state, seed: 3, services, signal });
    expect(plan.at(-1)).toMatchObject({
      state: 'run',
      estimate: {
        requests: 5,
        output_tokens: 5 * 512,
        cost_usd: expect.any(Number),
        note: 'at most: traces that a filter drops are not judged',
      },
    });
  });

  it('is not there unless a recipe names one', async () => {
    await using home = await stageHome();
    const { artifact, text } = await run(home, traces, {}, { judge: undefined });
    const { manifest } = await artifact('curate');
    expect(manifest.counts).toEqual({ traces: 5, samples: 4, dropped: 1 });
    expect(JSON.stringify(manifest.preimage)).not.toMatch(/judge|prompt/);
    expect(manifest.outputs.map(({ path }) => path)).not.toContain('judged.jsonl');
    expect(await text('curate', 'funnel.json')).not.toContain('judge');
  });
});
