import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Curves } from '../../../src/engine/runs/curves.js';
import type { JournalEvent } from '../../../src/engine/runs/event.js';
import { pythonForTests } from '../../support/python.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const BEGUN = Date.parse('2026-03-01T10:00:00.250Z');

function metric(step: number, values: Readonly<Record<string, number | null>>, stage = 'train'): JournalEvent {
  return { type: 'metric', stage, time: new Date(BEGUN + step * 1000).toISOString(), step, values };
}

/** What TensorBoard itself reads: per stage and chart, [time, step, value]. */
const reader = `
import json, sys
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    read = EventAccumulator(str(folder))
    read.Reload()
    found[folder.name] = {tag: [[e.wall_time, e.step, e.value] for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
print(json.dumps(found))
`;

async function read(folder: string): Promise<Record<string, Record<string, [number, number, number][]>>> {
  const { stdout } = await promisify(execFile)(pythonForTests?.python ?? '', [
    '-c',
    reader,
    join(folder, 'tensorboard'),
  ]);
  return JSON.parse(stdout);
}

describe.skipIf(pythonForTests === undefined)('curves', { timeout: 60_000 }, () => {
  it('are read by TensorBoard: times, steps and values, stage by stage, and nothing that is no number', async () => {
    await using home = await temporaryFolder();
    const curves = new Curves(home.path);
    const steps = [1, 127, 128, 300, 70_000];
    for (const step of steps)
      curves.add(metric(step, { loss: 1 / step, 'holdout_loss é': step % 2 === 0 ? 0.5 : null }));
    curves.add(metric(3, { loss: -2 }, 'base'));
    curves.add({ type: 'log', stage: 'train', time: '', level: 'info', message: 'no curve' });
    await curves.close();
    const found = await read(home.path);
    expect(Object.keys(found)).toEqual(['base', 'train']);
    expect(found.base).toEqual({ loss: [[BEGUN / 1000 + 3, 3, -2]] });
    const loss = steps.map((step) => [BEGUN / 1000 + step, step, expect.closeTo(1 / step, 6)]);
    expect(found.train?.loss).toEqual(loss);
    expect(found.train?.['holdout_loss é']?.map(([, step]) => step)).toEqual([128, 300, 70_000]);
  });

  it('can be read while they grow, also when the last record was cut off', async () => {
    await using home = await temporaryFolder();
    const curves = new Curves(home.path);
    curves.add(metric(1, { loss: 1 }));
    await curves.close();
    const [file = ''] = readdirSync(join(home.path, 'tensorboard', 'train'));
    await writeFile(join(home.path, 'tensorboard', 'train', file), Buffer.from([9, 0, 0]), { flag: 'a' });
    expect((await read(home.path)).train?.loss).toHaveLength(1);
  });
});

describe('a folder that is gone', () => {
  it('costs the curves, and nothing else', async () => {
    await using home = await temporaryFolder();
    const curves = new Curves(join(home.path, 'gone'));
    curves.add(metric(1, { loss: 1 }));
    await curves.close();
    await rm(join(home.path, 'gone'), { recursive: true });
    curves.add(metric(2, { loss: 1 }));
    await curves.close();
    expect(existsSync(join(home.path, 'gone'))).toBe(false);
  });

  it('is not made where nothing is measured', async () => {
    await using home = await temporaryFolder();
    const curves = new Curves(home.path);
    await curves.close();
    expect(readdirSync(home.path)).toEqual([]);
  });
});
