import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

const recipe = join(packageRoot, 'recipes', 'judged.yaml');

interface Figures {
  readonly filter: string;
  readonly part: string;
  readonly precision: number;
  readonly recall: number;
  readonly mistakes: readonly string[];
}

type Share = Readonly<Record<'share', number>>;
type Part = Readonly<Record<'relevant', Readonly<Record<'precision' | 'recall', Share>>>>;
interface Probed {
  readonly filters: readonly Figures[];
  readonly for_tuning: Part;
  readonly held_out: Part;
  readonly all: {
    readonly groups: readonly {
      readonly group: string;
      readonly precision: Readonly<Record<'right' | 'of', number>>;
    }[];
  };
}

/** The last line of `secpi probe --json`. An answer that is not recorded for a question as it is asked today ends it. */
async function probed(...options: readonly string[]) {
  await using folder = await temporaryFolder();
  const { exitCode, stdout, stderr } = await runCli(['probe', recipe, '--json', ...options], { cwd: folder.path });
  expect(exitCode, stderr).toBe(0);
  const last = jsonLines(stdout).at(-1);
  expect(last).toMatchObject({ type: 'probe' });
  return last as unknown as Probed;
}

describe('recipes/judged.yaml', () => {
  it('has nearly all leaks found by its judge, and nothing else, on texts that were held out; and depth told from its lack', async () => {
    const { filters } = await probed('--filters');
    const of = (filter: string, part: string) => filters.find((one) => one.filter === filter && one.part === part);
    for (const [filter, part] of [
      ['judge, leaks', 'held-out'],
      ['judge, leaks', 'spent'],
      ['judge, depth', 'look'],
      ['judge, depth', 'spent'],
    ] as const) {
      expect(of(filter, part)?.precision, `${filter} ${part}`).toBeGreaterThanOrEqual(0.98);
      expect(of(filter, part)?.recall, `${filter} ${part}`).toBeGreaterThanOrEqual(0.97);
    }
    // What the judge lets through are the guidance's own words, which `leak` knows before it.
    for (const part of ['look', 'held-out', 'spent']) {
      const missed = new Set(of('leaks', part)?.mistakes);
      expect(of('judge, leaks', part)?.mistakes.filter((id) => missed.has(id))).toEqual([]);
    }
  });

  it('has a classifier at hand that keeps what is relevant and nothing else, on tasks that were held out, too', async () => {
    const { all, for_tuning, held_out } = await probed('--set', 'filter.by=large');
    for (const { relevant } of [for_tuning, held_out]) {
      expect(relevant.precision.share).toBeGreaterThanOrEqual(0.98);
      expect(relevant.recall.share).toBeGreaterThanOrEqual(0.98);
    }
    // As docs/probe.md says.
    const precisions = all.groups.map(({ group, precision: { right, of } }) => [group, `${right}/${of}`]);
    expect(Object.fromEntries(precisions)).toMatchObject({ memory: '42/46', credentials: '12/18', resources: '16/20' });
  });

  it('keeps the traces of the quickstart', async () => {
    await using folder = await temporaryFolder();
    const { exitCode, stdout, stderr } = await runCli(['run', recipe, '--until', 'curate'], { cwd: folder.path });
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/24 samples, 0 dropped.* 24 judged, 0 unjudged/);
  });
});
