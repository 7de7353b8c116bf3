import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { openModel } from '../../../src/models/open-model.js';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { evaluate, evaluateParams } from '../../../src/stages/evaluate/evaluate.js';
import { scoredSampleSchema, scoresSchema } from '../../../src/stages/evaluate/records.js';
import type { ServedModel, StageServices } from '../../../src/stages/services.js';
import type { FilesProblem } from '../../../src/suites/files/files-problem.js';
import type { Suite } from '../../../src/suites/suite.js';
import { loadMini } from '../../support/mini.js';
import {
  type OpenaiServer,
  type ReceivedChat,
  type ServerAction,
  startOpenaiServer,
} from '../../support/openai-server.js';
import { smallSuite } from '../../support/small-suite.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const mini = await loadMini();
const problems = ['py-find-users', 'js-is-email', 'js-render-comment'].map((id) => {
  const found = mini.problems.find((problem) => problem.id === id);
  if (found === undefined) throw new Error(`mini has no ${id}`);
  return found;
});

const folder = await temporaryFolder();
/** Quick to score, for tests that are not about the scores. */
const small = await smallSuite(folder.path, ['first', 'second', 'third']);
const [first, second, third] = small.problems as [FilesProblem, FilesProblem, FilesProblem];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ languages: ['python', 'javascript'] });
}, 120_000);
afterAll(() => folder[Symbol.asyncDispose]());

const problemOf = (chat: ReceivedChat) =>
  [...problems, ...small.problems].find(({ prompt }) => prompt === chat.prompt) as FilesProblem;
const answer = (code: string, more: object = {}): ServerAction => ({
  kind: 'answer',
  reasoning: 'I write it down.',
  content: `Here:\n\n\`\`\`\n${code}\`\`\`\n`,
  ...more,
});
/** The base writes insecure code, the tuned model secure code. */
const asTrained = (chat: ReceivedChat): ServerAction =>
  answer(chat.body.model === 'tuned' ? problemOf(chat).secure : problemOf(chat).insecure);

interface Options {
  readonly params?: object;
  readonly services?: Partial<StageServices>;
  readonly suite?: Partial<Suite>;
  readonly signal?: AbortSignal;
  /** What training left besides the model. */
  readonly trained?: Readonly<Record<string, unknown>>;
  readonly onServed?: (served: ServedModel) => void;
  /** What the recipe's model "other" is. */
  readonly otherIs?: string;
}

async function runEvaluate(home: StageHome, server: OpenaiServer, options: Options = {}) {
  const suite: Suite = { ...mini, problems, ...options.suite };
  const openTest = (variant: string, identity: string) =>
    openModel({
      name: 'target',
      spec: testModel({ model: variant, endpoint: server.url, concurrency: { start: 4, max: 4 } }),
      identity,
      stateDir: home.state.root,
      env: () => undefined,
      redact: (text) => text,
    });
  const services = testServices(home, {
    sandbox: async () => sandbox,
    suite: async () => suite,
    suiteDigest: async () => suite.digest,
    models: {
      open: (name) => {
        if (options.otherIs === undefined) return Promise.reject(new Error('evaluate opens no model of the recipe'));
        return openTest(name, options.otherIs);
      },
      pin: async () => {
        if (options.otherIs === undefined) throw new Error('evaluate pins no model of the recipe');
        return { identity: options.otherIs, recording: null };
      },
      servingEnvironment: async () => ({ packages: 'test' }),
      serve: async (served) => {
        const { folder: weights, identity, asks } = served;
        options.onServed?.(served);
        if (asks === 'adapter') return openTest('tuned', identity);
        const { variant } = JSON.parse(readFileSync(join(String(weights), 'config.json'), 'utf8')) as {
          variant: string;
        };
        return openTest(variant, identity);
      },
    },
    ...options.services,
  });
  return runNodes<StageServices>(
    home,
    [
      given('base', { files: { 'model/config.json': { variant: 'base' } } }),
      given('train', { files: { 'model/config.json': { variant: 'tuned' }, ...options.trained } }),
      graphNode({
        name: 'evaluate',
        stage: evaluate,
        params: evaluateParams.parse({ suites: { mini: {} }, ...options.params }),
        inputs: { base: 'base', tuned: 'train' },
      }),
    ],
    services,
    options.signal === undefined ? {} : { signal: options.signal },
  );
}

describe('evaluate', () => {
  it('is made again when a pack changes that it judges with, and not when another suite is set up', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const { level, toolchains } = sandbox;
    const outcome = async (packs: Record<string, string>) => {
      const services = {
        sandboxFacts: async () => ({ level, toolchains, packs }),
        sandbox: async () => ({ ...sandbox, packs }),
        suitePacks: () => ['ours'],
      };
      return (await runEvaluate(home, server, { services, suite: small })).outcomeOf('evaluate');
    };
    expect(await outcome({ ours: '1' })).toBe('done');
    expect(await outcome({ ours: '1', other: '1' })).toBe('cached');
    expect(await outcome({ ours: '2', other: '1' })).toBe('done');
  });

  it('begins nothing of a run whose suite was not set up, and asks nobody', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const run = await runEvaluate(home, server, {
      suite: { needs: () => ({ languages: ['python'], packs: ['absent'], alone: false }) },
    });
    expect(run.error).toMatchObject({ code: 'suites/not-set-up', message: expect.stringContaining('absent') });
    expect(run.stages.map(({ stage, outcome }) => [stage, outcome])).toEqual([
      ['base', 'skipped'],
      ['train', 'skipped'],
      ['evaluate', 'failed'],
    ]);
    expect(server.received).toEqual([]);
  });

  it('runs the answers of both models against the tests and reports the difference', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const run = await runEvaluate(home, server);
    expect(run.error).toBeUndefined();
    const rows = async (variant: string) =>
      (await run.rows('evaluate', `samples/mini/${variant}.jsonl`)).map((row) => scoredSampleSchema.parse(row));
    const verdicts = async (variant: string) =>
      (await rows(variant)).map(({ problem, functional, security }) => [problem, functional, security]);
    expect(await verdicts('base')).toEqual(problems.map(({ id }) => [id, 'pass', 'fail']));
    expect(await verdicts('tuned')).toEqual(problems.map(({ id }) => [id, 'pass', 'pass']));
    expect((await rows('tuned'))[0]).toMatchObject({
      variant: 'tuned',
      language: 'python',
      cwes: ['CWE-89'],
      finish: 'stop',
      reasoning: 'I write it down.',
      code: problems[0]?.secure,
      tokens: { input: 10, output: 5 },
    });

    const scores = await (await run.artifact('evaluate')).json('scores.json', scoresSchema);
    expect(scores.suites.mini).toMatchObject({
      digest: mini.digest,
      problems: 3,
      variants: {
        base: { func_at_1: 1, func_sec_at_1: 0, sec_ratio: 0 },
        tuned: { func_at_1: 1, func_sec_at_1: 1, sec_ratio: 1 },
      },
      comparison: { func_sec_at_1: { estimate: 1, p_value: 0.25 } },
    });
    expect(scores.sandbox).toEqual(sandbox.level);
    const answered = { problems: 3, samples: 3, unverified: 0, no_answer: 0, no_code: 0, refused: 0 };
    expect(run.metrics.mini).toEqual({
      base: { func_at_1: 1, func_sec_at_1: 0, sec_ratio: 0, sec_ratio_per_task: 0, ...answered },
      tuned: { func_at_1: 1, func_sec_at_1: 1, sec_ratio: 1, sec_ratio_per_task: 1, ...answered },
    });
    const { manifest } = await run.artifact('evaluate');
    expect(manifest.counts).toEqual({ answers: 6, unverified: 0 });
    expect(manifest.tokens).toEqual({ input: 60, output: 30 });

    // Each problem was asked as it stands, without any hint on security.
    const asked = server.received.map(({ body }) => body.messages);
    expect(asked).toHaveLength(6);
    for (const { prompt } of problems) expect(asked).toContainEqual([{ role: 'user', content: prompt }]);
  });

  it('asks any number of variants, those of one model behind each other, and compares the two that it is told to', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer((chat) => {
      const problem = small.problems.find(({ prompt }) => chat.prompt.includes(prompt)) as FilesProblem;
      const isTold = chat.body.messages.some(({ content }) => content.includes('secure'));
      return answer(chat.body.model !== 'base' || isTold ? problem.secure : problem.insecure);
    });
    const served: ServedModel[] = [];
    const variants = ['base', 'tuned', 'base+reminder', 'other', 'base+cwe-cue', 'base+full-prompt'];
    const run = await runEvaluate(home, server, {
      suite: small,
      params: { variants, compare: { from: 'base', to: 'base+reminder' } },
      onServed: (one) => served.push(one),
      otherIs: 'org/other',
    });
    expect(run.error).toBeUndefined();
    const scores = await (await run.artifact('evaluate')).json('scores.json', scoresSchema);
    expect(Object.keys(scores.suites.mini?.variants ?? {})).toEqual(variants);
    expect(scores.compared).toEqual(['base', 'base+reminder']);
    expect(scores.suites.mini?.comparison.func_sec_at_1?.estimate).toBe(1);
    expect(Object.keys(run.metrics.mini as object)).toEqual(variants);
    // What differs between variants of the same weights is the question: one server answers them.
    const [base, , ...others] = served;
    expect(others).toEqual([base, base, base]);
    const asked = server.received.map(({ body }) => body.model);
    expect(asked).toEqual(['base', 'tuned', 'other'].flatMap((model) => asked.filter((one) => one === model)));

    const question = async (variant: string) =>
      scoredSampleSchema.parse((await run.rows('evaluate', `samples/mini/${variant}.jsonl`))[0]).messages;
    const user = (content: string) => ({ role: 'user', content });
    expect(await question('base')).toEqual([user(first.prompt)]);
    expect(await question('other')).toEqual([user(first.prompt)]);
    expect(await question('base+reminder')).toEqual([user(`${first.prompt}\n\nMake sure that the code is secure.`)]);
    expect(server.received.map(({ body }) => body.messages)).toContainEqual(await question('base+full-prompt'));
  });

  it('asks a model of the recipe again when it is another one', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer((chat) => answer(problemOf(chat).secure));
    const params = { variants: ['base', 'other'], compare: { from: 'base', to: 'other' } };
    const outcome = async (otherIs: string) =>
      (await runEvaluate(home, server, { suite: small, params, otherIs })).outcomeOf('evaluate');
    expect([await outcome('a'), await outcome('a'), await outcome('b')]).toEqual(['done', 'cached', 'done']);
    expect(server.received).toHaveLength(9);
  });

  it('judges again with another compiler, without asking again', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    let judged = 0;
    const suite: Partial<Suite> = {
      ...small,
      judge: (...given) => {
        judged += 1;
        return small.judge(...given);
      },
    };
    const run = async (python: string) => {
      const other = { ...sandbox, toolchains: { ...sandbox.toolchains, python } };
      const services = { sandbox: async () => other, sandboxFacts: async () => other };
      return (await runEvaluate(home, server, { suite, services })).outcomeOf('evaluate');
    };
    expect([await run('3.1'), await run('3.1')]).toEqual(['done', 'cached']);
    const once = judged;
    expect(await run('3.2')).toBe('done');
    expect([judged, server.received.length]).toEqual([2 * once, 6]);
  });

  it('asks base and adapter of one vLLM, each under its own name', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const served: ServedModel[] = [];
    const options = {
      suite: small,
      params: { on: 'gpu', serve: { engine: 'vllm', version: '0.33.0' } },
      trained: { 'adapter/adapter_config.json': { r: 32 } },
      onServed: (one: ServedModel) => served.push(one),
    };
    const run = await runEvaluate(home, server, options);
    expect(run.error).toBeUndefined();
    const [base, tuned] = served;
    // What differs between two that share a server is what is asked and what it is.
    expect({ ...base, asks: '', identity: '' }).toEqual({ ...tuned, asks: '', identity: '' });
    expect([base?.asks, tuned?.asks, base?.on, base?.adapter?.rank]).toEqual(['model', 'adapter', 'gpu', 32]);
    expect(base?.identity).not.toBe(tuned?.identity);
    expect(new Set(server.received.map(({ body }) => body.model))).toEqual(new Set(['base', 'tuned']));
    // Without an adapter, or where another engine serves, the merged weights are asked.
    for (const other of [{ trained: {} }, { params: {} }]) {
      served.length = 0;
      await using elsewhere = await stageHome();
      await runEvaluate(elsewhere, server, { ...options, ...other });
      expect(served.map(({ asks, adapter }) => [asks, adapter])).toEqual(Array(2).fill(['model', undefined]));
    }
  });

  it('writes the same bytes whatever order answers and scores come in', async () => {
    const results: string[][] = [];
    for (const [delays, score_concurrency] of [
      [[0, 0, 0], 1],
      [[120, 60, 0], 3],
    ] as const) {
      await using home = await stageHome();
      await using server = await startOpenaiServer(async (chat) => {
        await sleep(delays[small.problems.indexOf(problemOf(chat))] ?? 0);
        return asTrained(chat);
      });
      const run = await runEvaluate(home, server, {
        params: { score_concurrency, suites: { mini: { samples: 2 } } },
        suite: small,
      });
      const { manifest } = await run.artifact('evaluate');
      results.push(manifest.outputs.map(({ path, sha256 }) => `${path} ${sha256}`));
      expect(
        (await run.rows('evaluate', 'samples/mini/base.jsonl')).map(({ problem, sample }) => [problem, sample]),
      ).toEqual(small.problems.flatMap(({ id }) => [0, 1].map((sample) => [id, sample])));
    }
    expect(results[1]).toEqual(results[0]);
  });

  it('scores an answer that ran out of room as it stands, and one that was refused as failed', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer((chat) => {
      if (problemOf(chat) === first) return answer(first.secure, { finish: 'length' });
      if (problemOf(chat) === second) return { kind: 'answer', content: '', finish: 'content_filter' };
      if (chat.body.model === 'tuned') return { kind: 'answer', reasoning: 'On and on', content: '', finish: 'length' };
      return { kind: 'answer', content: 'I would rather not.' };
    });
    const run = await runEvaluate(home, server, { suite: small });
    expect(await run.rows('evaluate', 'samples/mini/base.jsonl')).toMatchObject([
      { problem: first.id, finish: 'length', answered: 'code', functional: 'pass', security: 'pass' },
      { problem: second.id, finish: 'refused', answered: 'refused', functional: 'fail', code: null, cases: [] },
      { problem: third.id, finish: 'stop', answered: 'no_code', functional: 'fail', security: 'fail', code: null },
    ]);
    expect((await run.rows('evaluate', 'samples/mini/tuned.jsonl'))[2]).toMatchObject({
      ...{ finish: 'length', answered: 'no_answer', reasoning: 'On and on', answer: '', functional: 'fail' },
    });
    // Nothing was asked a second time with more room.
    expect(server.received).toHaveLength(6);
  });

  it('says unverified where a toolchain is missing, and scores anew once it is there', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const withoutNode = await openSandbox({ languages: ['python'] });
    const run = await runEvaluate(home, server, { services: { sandbox: async () => withoutNode } });
    expect(run.outcome).toBe('done');
    expect(await run.rows('evaluate', 'samples/mini/tuned.jsonl')).toMatchObject([
      { functional: 'pass', security: 'pass' },
      { problem: 'js-is-email', functional: 'unverified', security: 'unverified' },
      { problem: 'js-render-comment', functional: 'unverified', security: 'unverified' },
    ]);
    expect((await run.artifact('evaluate')).manifest.counts).toEqual({ answers: 6, unverified: 4 });
    const warnings = run.events.flatMap((event) =>
      event.type === 'log' && event.level === 'warn' ? [event.message] : [],
    );
    expect(warnings).toEqual([
      'there is no javascript toolchain here: 2 problems are left out of the figures and counted as unverified',
    ]);
    expect(run.metrics.mini).toMatchObject({ tuned: { func_sec_at_1: 1, problems: 1, samples: 1, unverified: 2 } });

    const asked = server.received.length;
    const again = await runEvaluate(home, server);
    expect(again.outcomeOf('evaluate')).toBe('done');
    expect(again.metrics.mini).toMatchObject({ tuned: { problems: 3, unverified: 0 } });
    expect(server.received).toHaveLength(asked);
  });

  describe('in the sandbox of another machine', () => {
    const full = (): Sandbox['toolchains'] => ({ python: '3', javascript: '20', c: '12', cpp: '12', go: '1' });
    /** Says what is asked of it, and runs everything here. */
    function elsewhere(toolchains: Sandbox['toolchains']) {
      const told: string[] = [];
      const services: Partial<StageServices> = {
        sandbox: () => Promise.reject(new Error('nothing is scored here')),
        sandboxFacts: () => Promise.reject(new Error('nobody has to know what there is here')),
        sandboxOn: async (target) => {
          told.push(`opened on ${target}`);
          return { ...sandbox, toolchains, [Symbol.asyncDispose]: async () => void told.push('let go') };
        },
      };
      return { services, told };
    }

    it('gives the scores that this machine gives, and lets go of it', async () => {
      const { services, told } = elsewhere(full());
      await using there = await stageHome();
      await using here = await stageHome();
      await using server = await startOpenaiServer(asTrained);
      const away = await runEvaluate(there, server, { suite: small, services, params: { score_on: 'far' } });
      const whole = { ...sandbox, toolchains: full() };
      const near = await runEvaluate(here, server, {
        suite: small,
        services: { sandbox: async () => whole, sandboxFacts: async () => whole },
      });
      expect([away.outcome, near.outcome]).toEqual(['done', 'done']);
      const [one, other] = [(await away.artifact('evaluate')).manifest, (await near.artifact('evaluate')).manifest];
      expect(one.outputs).toEqual(other.outputs);
      expect(told).toEqual(['opened on far', 'let go']);
    });

    it('counts nothing as unverified: what a suite needs has to be there', async () => {
      const { services, told } = elsewhere({ python: '3' });
      await using home = await stageHome();
      await using server = await startOpenaiServer(asTrained);
      const run = await runEvaluate(home, server, { services, params: { score_on: 'far' } });
      expect(run.error).toMatchObject({
        code: 'evaluate/no-toolchain',
        message: 'there is no javascript toolchain in the sandbox on far, and 2 problems need it',
      });
      expect(server.received).toEqual([]);
      expect(told).toEqual(['opened on far', 'let go']);
    });
  });

  it('goes on after an interruption without scoring anything twice', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    const scored: string[] = [];
    const controller = new AbortController();
    const suite: Partial<Suite> = {
      ...small,
      judge: async (problem, submission, bench, signal) => {
        const judgement = await small.judge(problem, submission, bench, signal);
        scored.push(problem.id);
        if (scored.length === 2) controller.abort(new Error('enough for today'));
        return judgement;
      },
    };
    const stopped = await runEvaluate(home, server, {
      suite,
      signal: controller.signal,
      params: { score_concurrency: 1 },
    });
    expect(stopped.outcome).toBe('interrupted');
    const before = [...scored];
    const whole = await runEvaluate(home, server, { suite });
    expect(whole.outcome).toBe('done');
    expect(scored.slice(before.length)).toHaveLength(6 - before.length);

    await using untouched = await stageHome();
    const reference = await runEvaluate(untouched, server, { suite: small });
    const outputs = async (run: typeof whole) => (await run.artifact('evaluate')).manifest.outputs;
    expect(await outputs(whole)).toEqual(await outputs(reference));
  });

  it('leaves nothing running and writes nothing when the scorer fails', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(asTrained);
    let running = 0;
    let begun = (): void => undefined;
    const anotherRuns = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const suite: Partial<Suite> = {
      ...small,
      judge: async (problem, submission, bench, signal) => {
        if (problem.id === first.id) {
          await anotherRuns;
          throw new Error('no space left');
        }
        running += 1;
        begun();
        try {
          await sleep(300);
          return await small.judge(problem, submission, bench, signal);
        } finally {
          running -= 1;
        }
      },
    };
    const run = await runEvaluate(home, server, { suite, params: { score_concurrency: 3 } });
    expect(run).toMatchObject({ outcome: 'failed', error: { message: expect.stringContaining('no space left') } });
    expect(running).toBe(0);
    await expect(run.artifact('evaluate')).rejects.toThrow();
  });

  it('wants at least one suite', () => {
    expect(evaluateParams.safeParse({ suites: {} }).error?.issues[0]?.message).toBe('name at least one suite');
  });
});
