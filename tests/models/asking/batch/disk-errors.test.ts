import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnswerStore } from '../../../../src/models/answers/answer-store.js';
import { modelFolders } from '../../../../src/models/answers/model-folder.js';
import { modelSpecSchema } from '../../../../src/models/model-spec.js';
import { type OpenModel, openModel } from '../../../../src/models/open-model.js';
import { askMany } from '../../../support/ask-served.js';
import { type BatchServerOptions, startBatchServer } from '../../../support/batch-server.js';
import { fastClock } from '../../../support/fast-clock.js';
import { watchFaults } from '../../../support/fault-points.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A model that is asked in batches, and what it says. */
async function open(stateDir: string, endpoint: string, batch: object = {}) {
  const said: string[] = [];
  const spec = { model: 'fake', endpoint, mode: 'batch', batch: { poll_seconds: 1, ...batch }, saturation_seconds: 60 };
  const model = await openModel({
    name: 'teacher',
    spec: modelSpecSchema.parse(spec),
    stateDir,
    env: () => undefined,
    redact: (text) => text,
    clock: fastClock,
    onLog: ({ message }) => said.push(message),
  });
  return { model, said, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}

const answering = (options: BatchServerOptions = {}): BatchServerOptions => ({
  script: ({ prompt }) => ({ kind: 'answer', content: `model says ${prompt}` }),
  ...options,
});

/** The records of batches whose answers are not all on the disk. */
async function records(stateDir: string): Promise<readonly string[]> {
  const [folder] = await modelFolders(stateDir);
  const names = folder === undefined ? [] : await readdir(join(folder.path, 'batches'));
  return names.filter((name) => name.endsWith('.json'));
}

const reasonOf = (asked: PromiseSettledResult<unknown>): unknown =>
  asked.status === 'rejected' ? asked.reason : 'was answered';

const twice = (model: OpenModel, count: number) => Promise.allSettled([askMany(model, count), askMany(model, count)]);

describe('a disk that fails while a batch is collected', () => {
  // A whole number of puts that go out at once, and less than that left in the end; a connection that always breaks as well.
  it.each([
    [512, false],
    [600, false],
    [1024, false],
    [1024, true],
  ])('is not taken for the server: %i answers, connection broken: %s', async (count, breaks) => {
    await using folder = await temporaryFolder();
    let isBroken = breaks;
    await using server = await startBatchServer(
      answering({ onStep: (step) => (step === 'half' && isBroken ? 'drop' : undefined) }),
    );
    const goesOn = `1 batch goes on at the server, with ${count} questions (batch_0); run the same command again`;
    for (let runs = 0; runs < 2; runs += 1) {
      using _watch = await watchFaults(({ call, path }) =>
        call === 'append' && path.startsWith(folder.path) ? { code: 'ENOSPC' } : 'none',
      );
      const said = await (async () => {
        await using opened = await open(folder.path, server.url);
        // All who wait are told.
        for (const asked of await twice(opened.model, count)) expect(reasonOf(asked)).toMatchObject({ code: 'ENOSPC' });
        return opened.said;
      })();
      expect(said.join('\n')).toContain(goesOn);
      expect(said.join('\n')).not.toContain('ENOSPC');
      expect(await records(folder.path)).toHaveLength(1);
    }
    isBroken = false;
    {
      await using opened = await open(folder.path, server.url);
      const { outcomes, expected } = await askMany(opened.model, count);
      expect(outcomes).toEqual(expected);
    }
    expect([server.batches.length, server.bought.size, Math.max(...server.bought.values())]).toEqual([1, count, 1]);
    expect(await records(folder.path)).toEqual([]);
  });

  it('is not taken for the server when one answer of many cannot be looked up', async () => {
    await using folder = await temporaryFolder();
    const failOnce = failingGet();
    await using server = await startBatchServer(
      answering({ onStep: (step, count) => (step === 'download' && count === 0 ? failOnce() : undefined) }),
    );
    {
      await using opened = await open(folder.path, server.url);
      for (const asked of await twice(opened.model, 600)) expect(reasonOf(asked)).toMatchObject({ code: 'EMFILE' });
    }
    expect(await records(folder.path)).toHaveLength(1);
    {
      await using opened = await open(folder.path, server.url);
      const { outcomes, expected } = await askMany(opened.model, 600);
      expect(outcomes).toEqual(expected);
      // What was kept before is not entered a second time.
      expect(opened.model.spent.requests).toBeLessThan(600);
    }
    expect([server.batches.length, server.bought.size, Math.max(...server.bought.values())]).toEqual([1, 600, 1]);
    expect(await records(folder.path)).toEqual([]);
  });

  it('is the end of all that is asked: nothing more is ordered', async () => {
    await using folder = await temporaryFolder();
    const failOnce = failingGet();
    await using server = await startBatchServer(
      answering({ onStep: (step, count) => (step === 'download' && count === 0 ? failOnce() : undefined) }),
    );
    // Few questions fit into a batch: the others wait for their turn.
    const small = { megabytes: 0.001, at_once: 1 };
    {
      await using opened = await open(folder.path, server.url, small);
      await expect(askMany(opened.model, 20)).rejects.toMatchObject({ code: 'EMFILE' });
      await expect(askMany(opened.model, 30)).rejects.toMatchObject({ code: 'EMFILE' });
    }
    expect(server.batches).toHaveLength(1);
    await using opened = await open(folder.path, server.url, small);
    const { outcomes, expected } = await askMany(opened.model, 20);
    expect(outcomes).toEqual(expected);
    expect([server.bought.size, Math.max(...server.bought.values())]).toEqual([20, 1]);
  });
});

/** What lets the next look into the store fail, as when too many files are open. */
function failingGet(): () => undefined {
  const get = vi.spyOn(AnswerStore.prototype, 'get');
  return () => {
    get.mockRejectedValueOnce(Object.assign(new Error('EMFILE: too many open files, open'), { code: 'EMFILE' }));
    return undefined;
  };
}
