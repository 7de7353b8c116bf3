import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { writeDurably } from '../../base/files/atomic-file.js';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { ifThere } from '../../base/files/if-there.js';
import type { StageEvent } from '../../engine/runs/event.js';
import { Interruption } from '../../engine/runs/interruption.js';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import { metricsOf } from '../../stages/evaluate/figures.js';
import { readSamples } from '../../stages/evaluate/samples/read-samples.js';
import { type ScoredSamples, scoreSamples } from '../../stages/evaluate/samples/score-samples.js';
import type { JudgingContext } from '../../stages/evaluate/scoring-sandbox.js';
import { loadSuite, suiteOrigin } from '../../suites/registry.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { keptJudgementsIn } from '../scoring.js';
import { type NamedOrigin, originOf } from '../suite-origin.js';
import { printable } from '../views/printable.js';
import { suiteTables } from '../views/result-text.js';
import { styleFor } from '../views/style.js';

interface ScoreOptions extends OutputOptions {
  readonly suite: string;
  readonly from?: NamedOrigin;
  readonly out?: string;
  readonly atOnce: number;
}

/** `secpi score`: verdicts on answers that are there already. */
export async function scoreCommand(path: string, options: ScoreOptions, environment: CliEnvironment): Promise<number> {
  const { cache, state, workingDirectory } = environment;
  const origin = suiteOrigin(options.suite, originOf(options.from, environment));
  const suite = await loadSuite(options.suite, origin, { cacheFolder: cache });
  const out = options.out === undefined ? undefined : resolve(workingDirectory, options.out);
  if (out !== undefined) await refuseFull(out, environment);
  const samples = await readSamples(resolve(workingDirectory, path), suite);
  using interrupt = abortOnSignals();
  const context: JudgingContext = {
    params: { score_concurrency: options.atOnce },
    services: {
      sandbox: () => openSandbox({ cacheFolder: cache }),
      sandboxOn: () => Promise.reject(new TypeError('there is no recipe that names a target')),
      keptJudgements: keptJudgementsIn(state),
    },
    signal: interrupt.signal,
    emit: teller(options, environment),
  };
  try {
    const scored = await scoreSamples(context, suite, samples);
    if (out !== undefined) await writeWhole(out, suite.name, scored);
    show(scored, out, options, environment);
    return 0;
  } catch (error) {
    if (error instanceof Interruption && options.json !== true)
      environment.stderr.write('interrupted; what was judged is kept, and the same command goes on\n');
    throw error;
  }
}

/** Before anything is judged: hours later nobody wants to hear it. */
async function refuseFull(folder: string, environment: CliEnvironment): Promise<void> {
  const there = await ifThere(
    readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR') return [''];
      throw error;
    }),
  );
  if (there === undefined || there.length === 0) return;
  throw new SecpiError('score/out-exists', `${shownPath(folder, environment)} is there already`, {
    hint: 'Give --out another name, or remove it.',
    exitCode: 2,
  });
}

/** All of it under another name first, so that the folder is there whole or not at all. */
async function writeWhole(folder: string, suite: string, { rows, figures, official }: ScoredSamples): Promise<void> {
  const unfinished = `${folder}.${randomBytes(8).toString('hex')}.unfinished`;
  try {
    const samples = join(unfinished, 'samples', suite);
    await makeDirectory(samples);
    for (const [variant, own] of rows) {
      await writeDurably(join(samples, `${variant}.jsonl`), own.map((row) => `${JSON.stringify(row)}\n`).join(''));
    }
    for (const [variant, { files }] of official) {
      for (const [name, value] of Object.entries(files)) {
        const path = join(unfinished, 'official', suite, variant, name);
        await makeDirectory(dirname(path));
        await writeDurably(path, `${JSON.stringify(value, null, 2)}\n`);
      }
    }
    await writeDurably(join(unfinished, 'scores.json'), `${JSON.stringify(figures, null, 2)}\n`);
    await mkdir(dirname(folder), { recursive: true });
    await rename(unfinished, folder);
    await syncDirectory(dirname(folder));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

function show(
  { rows, figures }: ScoredSamples,
  out: string | undefined,
  { json }: ScoreOptions,
  environment: CliEnvironment,
): void {
  const { stdout, variables, redact } = environment;
  if (json === true) {
    writeJson({ type: 'scores', ...figures, ...(out === undefined ? {} : { written: out }) }, environment);
    return;
  }
  const style = styleFor(stdout, variables);
  const lines = [...suiteTables(metricsOf(figures.suites), { style, columns: 80 }), ...notes(rows, figures)];
  if (out !== undefined) lines.push(`written: ${shownPath(out, environment)}`);
  stdout.write(`${redact(lines.join('\n'))}\n`);
}

/** What the table does not say: problems and answers that lack something, and verdicts that could be forged. */
function notes(rows: ScoredSamples['rows'], { suites }: ScoredSamples['figures']): readonly string[] {
  const [problems = 0] = Object.values(suites).map((suite) => suite.problems);
  return [...rows].flatMap(([variant, own]) => {
    const missing = problems - new Set(own.map(({ problem }) => problem)).size;
    const told = (count: number, what: string) =>
      count === 0 ? [] : [`${variant}: ${count} of ${own.length} ${what}`];
    return [
      ...(missing === 0 ? [] : [`${variant}: ${missing} of ${problems} problems have no sample and are left out`]),
      ...told(own.filter(({ answered }) => answered === 'no_code').length, 'have no code in them'),
      ...told(own.filter(({ answered }) => answered === 'no_answer').length, 'were cut off before an answer began'),
      ...told(own.filter(({ answered }) => answered === 'refused').length, 'were refused'),
      ...told(
        own.filter(({ forgeable }) => forgeable).length,
        'were judged beside the judged code or in its process, so it could have forged that',
      ),
    ];
  });
}

/** What happens meanwhile: for a program all of it, for a person warnings and each tenth of the way. */
function teller({ json, quiet }: ScoreOptions, environment: CliEnvironment): (event: StageEvent) => void {
  const { stderr, redact } = environment;
  let told = 0;
  return (event) => {
    if (json === true) writeJson(event, environment);
    else if (event.type === 'log' && (event.level === 'warn' || quiet !== true))
      stderr.write(`${redact(printable(event.message))}\n`);
    else if (event.type === 'progress' && event.total !== undefined && quiet !== true) {
      const tenth = Math.floor((10 * event.done) / event.total);
      if (tenth > told) stderr.write(`judged ${event.done} of ${event.total}\n`);
      told = Math.max(told, tenth);
    }
  };
}
