import type { PackageSet } from '../../setup/pinned-packages.js';
import type { Check } from '../checks/check.js';
import { checkMachine } from '../checks/doctor-checks.js';
import { checkRecipe, eachOnce } from '../checks/recipe-checks.js';
import { checkScoring } from '../checks/scoring-checks.js';
import { checkTarget } from '../checks/target-checks.js';
import { checkTrainingOf } from '../checks/training-checks.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { readTarget } from '../recipes/read-target.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { wrapped } from '../views/format.js';
import { oneLine } from '../views/printable.js';
import { type Style, styleFor } from '../views/style.js';

export interface DoctorOptions extends OutputOptions {
  readonly recipe?: string;
  /** A name under the recipe's `compute`, to be looked at in place of this machine. */
  readonly target?: string;
}

/**
 * `secpi doctor`: what of this machine, or of a target, works for secpi, and what to do about the rest. Exit code 1 when a run would not get
 * through.
 */
export async function doctorCommand(options: DoctorOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const style = styleFor(environment.stdout, environment.variables);
  const { recipe, target } = options;
  const checks =
    target === undefined
      ? [
          ...(await checkMachine(environment, interrupt.signal)),
          ...(recipe === undefined ? [] : await checkRecipe(recipe, environment, interrupt.signal)),
        ]
      : await checkRecipesTarget(recipe, target, environment, interrupt.signal);
  interrupt.signal.throwIfAborted();
  const blocking = checks.filter(({ state, required }) => state === 'missing' && required);
  if (options.json === true) {
    for (const check of checks) writeJson({ type: 'check', ...check }, environment);
    writeJson({ type: 'doctor', ready: blocking.length === 0, missing: blocking.map(({ name }) => name) }, environment);
  } else {
    const shown = options.quiet === true ? checks.filter(({ state }) => state !== 'ok') : checks;
    const width = Math.max(0, ...shown.map(({ name }) => name.length));
    const columns = environment.stdout.isTTY ? environment.stdout.columns : 100;
    const lines = [
      ...shown.flatMap((check) => checkLines(check, { width, columns, style })),
      summary(blocking, target, style),
    ];
    environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return blocking.length === 0 ? 0 : 1;
}

const colours = { ok: 'green', warning: 'yellow', missing: 'red' } as const;

function checkLines(
  { name, state, detail, advice, required }: Check,
  { width, columns, style }: { width: number; columns: number; style: Style },
): readonly string[] {
  const colour = state === 'missing' && !required ? 'yellow' : colours[state];
  const margin = width + 11;
  const [first = '', ...rest] = wrapped(oneLine(detail), columns - margin);
  const [todo, ...more] = advice === undefined ? [] : wrapped(oneLine(advice), columns - margin - 2);
  return [
    `${style(colour, state.padEnd(7))}  ${name.padEnd(width)}  ${first}`,
    ...rest.map((line) => ' '.repeat(margin) + line),
    ...(todo === undefined ? [] : [`${' '.repeat(margin)}${style('bold', '→')} ${todo}`]),
    ...more.map((line) => ' '.repeat(margin + 2) + line),
  ];
}

function summary(blocking: readonly Check[], target: string | undefined, style: Style): string {
  const where = target === undefined ? 'this machine' : target;
  if (blocking.length === 0) return style('green', `\nEverything that a run on ${where} needs is there.`);
  return style('red', `\nMissing, and needed: ${blocking.map(({ name }) => name).join(', ')}.`);
}

async function checkRecipesTarget(
  recipe: string | undefined,
  target: string,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { spec, means, root = environment.state.root, ...uses } = await readTarget(recipe, target, environment);
  const { scores, training } = uses;
  // Of a target that the recipe does not use, more is wanted to be known than nothing.
  const packages: readonly PackageSet[] = uses.packages.length === 0 && !scores ? ['trainers'] : uses.packages;
  const checks = [...(await checkTarget(spec, means, { root, signal, packages }))];
  if (checks.some(({ name, state }) => name === 'host' && state === 'missing')) return checks;
  for (const one of training) checks.push(...(await checkTrainingOf(one, means, signal)));
  // Of a cluster a node would be needed, and a doctor waits in no queue.
  if (scores && spec.slurm === undefined) checks.push(...(await checkScoring(spec, means, environment, signal)));
  return eachOnce(checks);
}
