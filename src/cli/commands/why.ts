import { SecpiError } from '../../base/errors.js';
import { listManifests } from '../../engine/artifacts/artifact-store.js';
import { nodeOf } from '../../engine/flow/graph.js';
import type { PlanEntry } from '../../engine/flow/plan.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import { type PlannedRecipe, toPlan } from '../recipes/plan-recipe.js';
import { namesOf, readMembers } from '../recipes/recipe.js';
import type { SelectionOptions } from '../recipes/run-options.js';
import { dateTime } from '../views/format.js';
import { oneLine } from '../views/printable.js';

/** `secpi why`: what a stage is cached by, or everything that makes it run again. */
export async function whyCommand(
  stage: string,
  path: string,
  options: SelectionOptions,
  environment: CliEnvironment,
): Promise<number> {
  const members = await readMembers(path, options, environment);
  using interrupt = abortOnSignals();
  const planned = toPlan(members, environment, interrupt.signal);
  const plan = await theOneOf(planned, stage);
  const entries = await plan.entries({ ...options, until: options.until ?? stage });
  const entry = entries.find((candidate) => candidate.stage === stage);
  if (entry === undefined) throw new Error(`the plan has no ${stage}`);
  const made = await madeBy(entry, environment);
  if (options.json === true) {
    const { state, fingerprint, why, waits_for, resumes } = entry;
    writeJson({ type: 'why', stage, state, fingerprint, why, waits_for, resumes, ...made }, environment);
  } else {
    environment.stdout.write(environment.redact(`${textOf(entry, made).join('\n')}\n`));
  }
  return 0;
}

/** The recipe in which a stage is meant: any of them, where it is the same in all. */
async function theOneOf(planned: readonly PlannedRecipe[], stage: string): Promise<PlannedRecipe> {
  const [first, ...others] = planned;
  if (first === undefined) throw new TypeError('there is nothing to plan');
  for (const { graph } of planned) nodeOf(graph, stage);
  if (others.length === 0) return first;
  const identities = await Promise.all(planned.map(async (one) => (await one.identities()).get(stage)));
  if (new Set(identities).size === 1 && identities[0] !== undefined) return first;
  throw new SecpiError('cli/which-member', `${stage} is not the same in all members of the matrix`, {
    hint: `Choose one with --member: ${namesOf(planned.map(({ recipe }) => recipe))}`,
    exitCode: 2,
  });
}

interface Made {
  readonly run: string;
  readonly started_at: string;
}

async function madeBy(
  { stage, state, fingerprint }: PlanEntry,
  environment: CliEnvironment,
): Promise<Made | undefined> {
  if (state !== 'cached') return undefined;
  const manifest = (await listManifests(environment.state, stage)).find((one) => one.fingerprint === fingerprint);
  return manifest === undefined ? undefined : { run: manifest.run, started_at: manifest.started_at };
}

function textOf({ stage, state, why, waits_for, fingerprint, resumes }: PlanEntry, made: Made | undefined): string[] {
  const lines = why.map((line) => `  ${oneLine(line)}`);
  switch (state) {
    case 'cached': {
      const by = made === undefined ? '' : `, made by run ${made.run} on ${dateTime(made.started_at)}`;
      return [`${stage} is cached${by}`, `  fingerprint ${fingerprint}`];
    }
    case 'run':
      return [
        `${stage} would run:`,
        ...lines,
        ...(resumes ? ['  an interrupted run has left work that it continues from'] : []),
      ];
    case 'waits':
      return [`${stage} cannot be told yet: it waits for ${waits_for.join(', ')}. What is known:`, ...lines];
    case 'missing':
      return [`${stage} is needed but was left out by the choice of stages, and has no artifact:`, ...lines];
    case 'unknown':
      return [`${stage} cannot be told now:`, ...lines];
    case 'left-out':
      return [`${stage} was left out by the choice of stages`];
  }
}
