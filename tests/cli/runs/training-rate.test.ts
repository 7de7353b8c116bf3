import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { trainingRate } from '../../../src/cli/runs/training-rate.js';
import { temporaryState } from '../../engine/fixtures/temporary-state.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

const metric = (stage: string, step: number, values: object) =>
  JSON.stringify({ type: 'metric', stage, time: '2026-01-01T00:00:00.000Z', step, values });

it('is the median of the steps and the most memory, of the training alone', async () => {
  await using home = await temporaryState();
  const lines = [
    metric('base', 1, { tokens_per_second: 9, memory_gib: 99 }),
    metric('train', 1, { tokens_per_second: 1, mfu: 0.1, memory_gib: 5 }),
    metric('train', 2, { tokens_per_second: 30, mfu: 0.3, memory_gib: 7 }),
    metric('train', 2, { holdout_loss: 1 }),
    metric('train', 3, { tokens_per_second: 20, mfu: 0.2, memory_gib: 6 }),
  ];
  await mkdir(home.state.run(RUN), { recursive: true });
  await writeFile(join(home.state.run(RUN), 'events.jsonl'), `${lines.join('\n')}\n`);
  expect(await trainingRate(home.state, RUN)).toEqual({ tokens_per_second: 20, mfu: 0.2, memory_gib: 7 });
  await writeFile(join(home.state.run(RUN), 'events.jsonl'), `${lines[0]}\n`);
  expect(await trainingRate(home.state, RUN)).toBeUndefined();
});

it('parses of a long journal only some lines, spread over all of it', async () => {
  await using home = await temporaryState();
  const rateAt = (step: number) => 1000 + Math.abs(step - 50_000);
  const lines = Array.from({ length: 100_000 }, (_, step) =>
    metric('train', step, { tokens_per_second: rateAt(step), memory_gib: 1 + step / 100_000 }),
  );
  await mkdir(home.state.run(RUN), { recursive: true });
  await writeFile(join(home.state.run(RUN), 'events.jsonl'), `${lines.join('\n')}\n`);
  const parse = vi.spyOn(JSON, 'parse');
  try {
    const found = await trainingRate(home.state, RUN);
    expect(parse.mock.calls.length).toBeLessThan(1200);
    // Of all lines the median is 26,000.
    expect(found?.tokens_per_second).toBeCloseTo(26_000, -3);
    expect(found?.memory_gib).toBeCloseTo(2, 4);
  } finally {
    parse.mockRestore();
  }
});
