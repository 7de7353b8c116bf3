import { listManifests } from '../../engine/artifacts/artifact-store.js';
import { nodeOf } from '../../engine/flow/graph.js';
import type { PlanEntry } from '../../engine/flow/plan.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import { planRecipe } from '../recipes/plan-recipe.js';
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
  const { entries } = await planRecipe(path, { ...options, until: options.until ?? stage }, environment, (graph) =>
    nodeOf(graph, stage),
  );
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
