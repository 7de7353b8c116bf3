import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunFinished } from '../../src/engine/runs/event.js';
import { eventsIn, finishedIn, newHome, processesUsing, quickstartRecipe, start } from './secpi-process.js';

interface Rates {
  readonly func_at_1: number;
  readonly func_sec_at_1: number;
  readonly sec_ratio: number;
  readonly problems: number;
  readonly samples: number;
}

/** Looks like a token, so that whatever handles tokens handles it. */
const canary = 'hf_canaryQf3vX8sLw2RkTz71';

let home: string;
let published: string;
let stdout: string;
let finished: RunFinished;
const commandLines: string[] = [];

beforeAll(async () => {
  home = await newHome();
  published = join(await mkdtemp(join(tmpdir(), 'secpi-published-')), 'quickstart');
  const run = start(['run', quickstartRecipe, '--set', `publish.folder=${published}`], home, {
    HF_TOKEN: canary,
    SECRET_NOTE: canary,
  });
  const watch = setInterval(() => commandLines.push(...processesUsing(home).map(({ command }) => command)), 500);
  const result = await run.ended;
  clearInterval(watch);
  stdout = result.stdout;
  expect(result.code, result.stderr + stdout.slice(-2000)).toBe(0);
  finished = finishedIn(stdout);
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** What a person sees who unpacks it. */
async function contentOf(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

describe('the quickstart', () => {
  it('runs every stage and says so in its last line and in summary.json', async () => {
    expect(finished.outcome).toBe('done');
    expect(finished.stages.map(({ stage, outcome }) => `${stage} ${outcome}`)).toEqual(
      ['collect', 'filter', 'trace', 'curate', 'base', 'train', 'evaluate', 'report', 'publish'].map(
        (stage) => `${stage} done`,
      ),
    );
    const summary: unknown = JSON.parse(await readFile(join(home, 'runs', finished.run, 'summary.json'), 'utf8'));
    expect(summary).toEqual(finished);
  });

  it('makes the model write secure code where it wrote insecure code, without breaking what worked', () => {
    const { base, tuned } = finished.metrics.mini as unknown as { base: Rates; tuned: Rates };
    expect(base.problems).toBeGreaterThanOrEqual(15);
    expect(tuned.samples).toBe(base.samples);
    expect(tuned.func_sec_at_1 - base.func_sec_at_1).toBeGreaterThan(0.5);
    expect(base.func_at_1 - tuned.func_at_1).toBeLessThanOrEqual(0.1);
    expect(tuned.sec_ratio).toBeGreaterThan(base.sec_ratio);
  });

  it('streams the training loss, and the loss falls', () => {
    const losses = eventsIn(stdout).flatMap((event) =>
      event.type === 'metric' && event.stage === 'train' ? [event.values.loss ?? Number.NaN] : [],
    );
    expect(losses.length).toBeGreaterThan(20);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 10);
  });

  it('writes a report that needs neither network nor script, and says at its top what the figures are worth', async () => {
    const page = await readFile(join(home, 'runs', finished.run, 'report.html'), 'utf8');
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/i);
    expect(page.indexOf('which the recipe accepts (curate.on_contamination: report)')).toBeGreaterThan(0);
    expect(page.indexOf('which the recipe accepts (curate.on_contamination: report)')).toBeLessThan(
      page.indexOf('id="suite-mini"'),
    );
  });

  it('publishes adapter, dataset and report to the folder', async () => {
    const files = (await filesBelow(published)).map((path) => path.slice(published.length + 1));
    expect(files).toEqual(expect.arrayContaining(['README.md', 'report.html']));
    expect(files.some((path) => path.endsWith('adapter_model.safetensors'))).toBe(true);
    expect(files.some((path) => path.endsWith('train.jsonl.gz'))).toBe(true);
  });

  it('tells no secret of the environment to anybody', async () => {
    expect(stdout).not.toContain(canary);
    expect(commandLines.length).toBeGreaterThan(0);
    expect(commandLines.filter((command) => command.includes(canary))).toEqual([]);
    for (const path of [...(await filesBelow(home)), ...(await filesBelow(published))]) {
      expect((await contentOf(path)).includes(canary), path).toBe(false);
    }
  });

  it('does no stage work the second time', async () => {
    const again = await start(['run', quickstartRecipe, '--set', `publish.folder=${published}`], home).ended;
    expect(again.code, again.stderr).toBe(0);
    expect(new Set(finishedIn(again.stdout).stages.map(({ outcome }) => outcome))).toEqual(new Set(['cached']));
    expect(finishedIn(again.stdout).metrics).toEqual(finished.metrics);
  });

  it('trains nothing again for a filter that drops nothing', async () => {
    const switched = ['--set', `publish.folder=${published}`, '--set', 'curate.filters.repetition=false'];
    const again = await start(['run', quickstartRecipe, ...switched], home).ended;
    expect(again.code, again.stderr).toBe(0);
    const outcomes = Object.fromEntries(finishedIn(again.stdout).stages.map(({ stage, outcome }) => [stage, outcome]));
    expect(outcomes).toMatchObject({ curate: 'done', train: 'cached', evaluate: 'cached', report: 'done' });
  });
});
