import { jobsAtOnce } from '../../compute/target.js';
import { type RunOptions as EngineOptions, executeRun, type RunResult } from '../../engine/runs/runner.js';
import { pipelineOf } from '../../pipeline.js';
import type { StageServices } from '../../stages/services.js';
import type { CliEnvironment } from '../environment.js';
import type { RecipeMember } from '../recipes/recipe.js';
import { type RunOptions, selectionOf } from '../recipes/run-options.js';
import { INVOCATION, invocationOf } from './invocation.js';

/** Runs one recipe as the options say. */
export function executeRecipe(
  { path, recipe }: { readonly path: string; readonly recipe: RecipeMember },
  options: RunOptions,
  environment: CliEnvironment,
  more: Pick<EngineOptions<StageServices>, 'run' | 'services' | 'signal' | 'onEvent' | 'onRequest' | 'sweep'>,
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
    files: runFiles(path, recipe, options, environment),
    redact: environment.redact,
    keepWork: options.keepWork,
    takeOver: options.stealLocks,
  });
}

/**
 * What is kept beside the journal: the recipe as it was understood, before anything was filled in from the environment, and what it takes to
 * begin this run again, without the others of a sweep.
 */
function runFiles(
  path: string,
  recipe: RecipeMember,
  options: RunOptions,
  environment: CliEnvironment,
): Record<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const mine = { ...options, member: recipe.member === '' ? [] : [recipe.member] };
  return {
    'recipe.json': json(recipe.written),
    'recipe-files.json': json(recipe.files.map((file) => environment.redact(file))),
    [INVOCATION]: json(invocationOf(path, mine, recipe, environment)),
  };
}
