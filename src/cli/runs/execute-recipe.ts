import { jobsAtOnce } from '../../compute/target.js';
import { type RunOptions as EngineOptions, executeRun, type RunResult } from '../../engine/runs/runner.js';
import { pipelineOf } from '../../pipeline.js';
import type { StageServices } from '../../stages/services.js';
import type { CliEnvironment } from '../environment.js';
import type { RecipeMember } from '../recipes/recipe.js';
import { type RunOptions, selectionOf } from '../recipes/run-options.js';

/** Runs one recipe as the options say. */
export function executeRecipe(
  recipe: RecipeMember,
  options: RunOptions,
  environment: CliEnvironment,
  more: Pick<EngineOptions<StageServices>, 'services' | 'signal' | 'onEvent' | 'sweep'>,
): Promise<RunResult> {
  const { value, member: name, labels: axes } = recipe;
  return executeRun({
    ...more,
    graph: pipelineOf(value),
    state: environment.state,
    seed: value.seed,
    recipe: { name: value.name, sha256: recipe.sha256 },
    member: name === '' ? undefined : { name, axes },
    version: environment.version,
    selection: selectionOf(options),
    limits: jobsAtOnce(Object.values(value.compute)),
    files: runFiles(recipe, environment),
    redact: environment.redact,
    keepWork: options.keepWork,
    takeOver: options.stealLocks,
  });
}

/** What is kept beside the journal: the recipe as it was understood, before anything was filled in from the environment. */
function runFiles({ written, files }: RecipeMember, { redact }: CliEnvironment): Record<string, string> {
  return {
    'recipe.json': `${JSON.stringify(written, null, 2)}\n`,
    'recipe-files.json': `${JSON.stringify(files.map(redact), null, 2)}\n`,
  };
}
