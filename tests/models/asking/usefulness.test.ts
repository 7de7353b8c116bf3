import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import type { AskOptions } from '../../../src/models/model.js';
import { modelSpecSchema } from '../../../src/models/model-spec.js';
import { type ModelLog, openModel } from '../../../src/models/open-model.js';
import { fastClock } from '../../support/fast-clock.js';
import { startOpenaiServer } from '../../support/openai-server.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'secpi-useless-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const AT_ONCE = 4;
const PATIENCE_ROWS = 32;
const ROWS = 500;

/** Asks 500 questions, four at a time; how many rows came out in form, and what was said. */
async function askMany(
  endpoint: string,
  more: Partial<AskOptions<string, string>> = {},
  settings: Readonly<Record<string, unknown>> = {},
) {
  const logs: ModelLog[] = [];
  const spec = modelSpecSchema.parse({
    model: 'fake',
    endpoint,
    concurrency: { start: AT_ONCE, max: AT_ONCE },
    ...settings,
  });
  const onLog = (log: ModelLog) => logs.push(log);
  await using model = await openModel({
    name: 'classifier',
    spec,
    stateDir,
    env: () => undefined,
    redact: createRedactor({}),
    clock: fastClock,
    onLog,
  });
  const asked = model.ask<string, string>({
    rows: Array.from({ length: ROWS }, (_, index) => `q${index}`),
    request: (prompt) => ({
      messages: [{ role: 'user', content: prompt }],
      sampling: { temperature: 0, top_p: 1, max_tokens: 64 },
      format: 'text',
      sample: 0,
    }),
    parse: ({ content }) =>
      content === 'good' ? { ok: true, value: content } : { ok: false, why: `it says ${content}` },
    askAgain: 1,
    signal: new AbortController().signal,
    ...more,
  });
  const usable: boolean[] = [];
  for await (const { outcome } of asked) usable.push(outcome.ok);
  return { usable, logs };
}

const UNDER_WAY = 4 * AT_ONCE;

describe('a model whose answers are of no use', () => {
  it('is not asked for a whole dataset, and what it said is kept', async () => {
    let says = 'bad';
    await using server = await startOpenaiServer(() => ({ kind: 'answer', content: says, finish: 'stop' }));
    await expect(askMany(server.url)).rejects.toMatchObject({
      code: 'models/nothing-usable',
      message: `None of the first ${PATIENCE_ROWS} questions to \`classifier\` got an answer that can be used; of the last one, it says bad`,
    });
    const bought = server.received.length;
    expect(bought).toBeLessThanOrEqual(2 * (PATIENCE_ROWS + UNDER_WAY));

    // The same again ends the same, with at most those bought that were under way; another model would go on.
    await expect(askMany(server.url)).rejects.toMatchObject({ code: 'models/nothing-usable' });
    expect(server.received.length).toBeLessThanOrEqual(bought + UNDER_WAY);
    says = 'good';
    const before = server.received.length;
    const { usable } = await askMany(server.url, { parse: () => ({ ok: true, value: '' }) });
    expect(usable).toHaveLength(ROWS);
    expect(server.received.length).toBeLessThan(before + ROWS - PATIENCE_ROWS + 1);
  });

  it('is asked for as many rows as the recipe says, or for all', async () => {
    await using server = await startOpenaiServer(() => ({ kind: 'answer', content: 'bad', finish: 'stop' }));
    await expect(askMany(server.url, {}, { give_up_after: 100 })).rejects.toThrow('None of the first 100 questions');
    const { usable } = await askMany(server.url, {}, { give_up_after: 0 });
    expect(usable).toEqual(Array.from({ length: ROWS }, () => false));
  });

  it('is told to be given more room when every answer is cut off', async () => {
    await using server = await startOpenaiServer(() => ({ kind: 'answer', content: 'and so on', finish: 'length' }));
    await expect(askMany(server.url)).rejects.toMatchObject({
      code: 'models/nothing-usable',
      hint: expect.stringContaining('max_tokens'),
    });
  });

  it('is asked on once a single answer was of use', async () => {
    await using server = await startOpenaiServer(({ prompt }) => ({
      kind: 'answer',
      content: prompt === `q${PATIENCE_ROWS - AT_ONCE * 2}` ? 'good' : 'bad',
      finish: 'stop',
    }));
    const { usable, logs } = await askMany(server.url, { askAgain: 0 });
    expect(usable.filter(Boolean)).toHaveLength(1);
    expect(usable).toHaveLength(ROWS);
    expect(logs).toEqual([]);
  });

  it('is asked on where a filter of the server stops what it says: that is an answer, too', async () => {
    await using server = await startOpenaiServer(() => ({ kind: 'answer', content: '', finish: 'content_filter' }));
    const { usable } = await askMany(server.url);
    expect(usable).toHaveLength(ROWS);
  });

  it('is said to give such answers, once a minute, while they are asked for again', async () => {
    await using server = await startOpenaiServer(({ body }) => ({
      kind: 'answer',
      content: body.messages.length === 1 ? 'bad' : 'good',
      finish: 'stop',
    }));
    const { usable, logs } = await askMany(server.url);
    expect(usable.every(Boolean)).toBe(true);
    const said = logs.filter(({ message }) =>
      message.includes('an answer cannot be used, and is asked for again: it says bad'),
    );
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(20);
    expect(said[0]).toEqual({
      level: 'warn',
      message: 'classifier: an answer cannot be used, and is asked for again: it says bad',
    });
  });
});
