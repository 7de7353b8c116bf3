/**
 * How often 95 % intervals hold the truth, and how often the paired test finds what is there: `npx tsx bench/coverage.ts [TRIALS] [--write]`
 * simulates evaluations whose true rates are known. With `--write` the tables go into `docs/figures.md`. Ten minutes on a busy core.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';
import { plannedDetectable } from '../src/suites/figures/detectable.js';
import { comparePaired, summarise } from '../src/suites/figures/metrics.js';
import type { ProblemOutcome } from '../src/suites/figures/outcomes.js';
import { type Contenders, contenders, type Signed } from './coverage/contenders.js';
import { improved, problemOf, problemRate } from './coverage/simulated.js';

const PROBLEMS = [10, 18, 30, 119];
const SAMPLES = [1, 5, 20];
const RATES = { low: 0.1, middle: 0.5, high: 0.9 } as const;
/** The share of answers that work, where the rate in question is that of secure ones among them. */
const WORKS = 0.6;
/** The share of problems on which the tuned model comes half the way closer to 1. */
const IMPROVED = 0.2;

const trials = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 2000);
const resamples = 300;

/** How often an interval held the truth, of those that there were, and how wide it was. */
class Tally {
  #held = 0;
  #all = 0;
  #width = 0;

  note(interval: readonly [number, number] | null | undefined, truth: number): void {
    if (interval === null || interval === undefined) return;
    this.#all += 1;
    this.#width += interval[1] - interval[0];
    if (interval[0] <= truth + 1e-9 && truth <= interval[1] + 1e-9) this.#held += 1;
  }

  get share(): string {
    return this.#all === 0 ? '–' : `${((100 * this.#held) / this.#all).toFixed(0)}`;
  }

  get width(): string {
    return this.#all === 0 ? '–' : (this.#width / this.#all).toFixed(2);
  }
}

const tallies = (count: number) => Array.from({ length: count }, () => new Tally());
const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const head = (cells: readonly string[]) => [row(cells), row(cells.map(() => '---'))];

/** What stands in `scores.json`. */
function printed(): string[] {
  const lines = head([
    'problems',
    'samples',
    'func-sec@1',
    'SecRatio, pooled',
    'SecRatio, per task',
    'difference of func-sec@1',
  ]);
  for (const problems of PROBLEMS) {
    for (const samples of SAMPLES) {
      const cells = Object.values(RATES).map((rate) => {
        const [mean, pooled, perTask, paired] = tallies(4) as [Tally, Tally, Tally, Tally];
        for (let trial = 0; trial < trials; trial += 1) {
          const plain = evaluation(problems, samples, () => [1, problemRate(rate)]);
          mean.note(summarise(plain).intervals.func_sec_at_1, rate);
          const working = summarise(evaluation(problems, samples, () => [problemRate(WORKS), problemRate(rate)]));
          pooled.note(working.intervals.sec_ratio, rate);
          perTask.note(working.intervals.sec_ratio_per_task, rate);
          const { base, tuned } = pair(problems, samples, rate, IMPROVED);
          paired.note(comparePaired(base, tuned).func_sec_at_1?.interval, ((1 - rate) * IMPROVED) / 2);
        }
        return [mean.share, pooled.share, perTask.share, paired.share];
      });
      lines.push(row([problems, samples, ...[0, 1, 2, 3].map((figure) => cells.map((of) => of[figure]).join(' / '))]));
    }
  }
  return lines;
}

/** What was chosen, against what it was chosen from. */
function chosen(): string[] {
  const names = ['percentile', 'bca', 'studentised'] as const satisfies readonly (keyof Contenders)[];
  const lines = head(['', 'problems', 'samples', 'percentile', 'BCa', 'bootstrap-t', "Student's t"]);
  for (const figure of ['func-sec@1', 'difference'] as const) {
    for (const problems of PROBLEMS) {
      for (const samples of SAMPLES.filter((count) => count > 1)) {
        const cells = Object.values(RATES).map((rate) => {
          const all = tallies(4) as [Tally, Tally, Tally, Tally];
          for (let trial = 0; trial < trials / 4; trial += 1) {
            const { base, tuned } = pair(problems, samples, rate, IMPROVED);
            const means = { base: meanOf(base), tuned: meanOf(tuned) };
            const single = figure === 'func-sec@1';
            const signed: Signed = single
              ? [{ sign: 1, share: means.base }]
              : [
                  { sign: 1, share: means.tuned },
                  { sign: -1, share: means.base },
                ];
            const truth = single ? rate : ((1 - rate) * IMPROVED) / 2;
            const found = contenders(signed, resamples, [single ? 0 : -1, 1]);
            if (found === null) continue;
            for (const [index, name] of names.entries()) all[index]?.note(found[name], truth);
            const ours = single
              ? summarise(base).intervals.func_sec_at_1
              : comparePaired(base, tuned).func_sec_at_1?.interval;
            all[3].note(ours, truth);
          }
          return all.map(({ share, width }) => ({ share, width }));
        });
        const told = [0, 1, 2, 3].map(
          (which) =>
            `${cells.map((of) => of[which]?.share).join(' / ')} (${cells.map((of) => of[which]?.width).join(', ')})`,
        );
        lines.push(row([figure, problems, samples, ...told]));
      }
    }
  }
  return lines;
}

/** The sign-flip test where nothing changed, and where what was planned for did. */
function found(): string[] {
  const lines = head(['problems', 'samples', 'p < 0.05 without any gain', 'planned for', 'p < 0.05 with that gain']);
  const shareFound = (problems: number, samples: number, share: number, closer: number) => {
    let below = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const { base, tuned } = pair(problems, samples, 0.5, share, closer);
      if ((comparePaired(base, tuned).func_sec_at_1?.p_value ?? 1) < 0.05) below += 1;
    }
    return `${((100 * below) / trials).toFixed(0)} %`;
  };
  for (const problems of PROBLEMS) {
    for (const samples of SAMPLES) {
      const gain = plannedDetectable(problems, samples);
      // Half of what is missing to 1 is half on average.
      const closer = Math.max(0.5, (gain ?? 1) / 0.5);
      const possible = gain !== null && closer <= 1;
      lines.push(
        row([
          problems,
          samples,
          shareFound(problems, samples, 0, 0),
          gain === null ? '–' : `${(100 * gain).toFixed(1)} points`,
          possible ? shareFound(problems, samples, gain / (0.5 * closer), closer) : '–',
        ]),
      );
    }
  }
  return lines;
}

function evaluation(problems: number, samples: number, rates: () => readonly [number, number]): ProblemOutcome[] {
  return Array.from({ length: problems }, (_, index) => problemOf(index, samples, ...rates()));
}

/** Base and tuned on the same problems; all answers work. */
function pair(problems: number, samples: number, rate: number, share: number, closer?: number) {
  const rates = Array.from({ length: problems }, () => problemRate(rate));
  return {
    base: rates.map((before, index) => problemOf(index, samples, 1, before)),
    tuned: rates.map((before, index) => problemOf(index, samples, 1, improved(before, share, closer))),
  };
}

function meanOf(outcomes: readonly ProblemOutcome[]) {
  const passed = ({ samples }: ProblemOutcome) => samples.filter(({ security }) => security === 'pass').length;
  return { top: outcomes.map((one) => passed(one) / one.samples.length), bottom: outcomes.map(() => 1) };
}

const tables = {
  printed: printed(),
  chosen: chosen(),
  found: found(),
};
const page = join(packageRoot, 'docs', 'figures.md');
let text = await readFile(page, 'utf8');
for (const [name, lines] of Object.entries(tables)) {
  process.stdout.write(`\n${lines.join('\n')}\n`);
  const between = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  if (!between.test(text)) throw new Error(`docs/figures.md has no place for the table "${name}"`);
  text = text.replace(between, (_, start: string, end: string) => `${start}\n${lines.join('\n')}\n\n${end}`);
}
if (process.argv.includes('--write')) await writeFile(page, text);
