import { executeRun } from '../../engine/runs/runner.js';
import { pipelineOf, type Recipe } from '../../pipeline.js';
import type { LoadedRecipe } from '../../recipe/load-recipe.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath } from '../output.js';
import { readRecipe } from '../recipes/recipe.js';
import { type RunOptions, selectionOf } from '../recipes/run-options.js';
import { writeRunReport } from '../runs/run-report.js';
import { openServices } from '../services.js';
import { openRunView } from '../views/open-run-view.js';

/** `secpi run`: the recipe from its first missing stage to its last. */
export async function runCommand(path: string, options: RunOptions, environment: CliEnvironment): Promise<number> {
  const recipe = await readRecipe(path, options.set, environment);
  const graph = pipelineOf(recipe.value);
  const services = openServices(recipe.value, environment);
  using interrupt = abortOnSignals();
  const view = await openRunView(path, options, environment);
  const result = await executeRun({
    graph,
    state: environment.state,
    seed: recipe.value.seed,
    services,
    signal: interrupt.signal,
    recipe: { name: recipe.value.name, sha256: recipe.sha256 },
    version: environment.version,
    selection: selectionOf(options),
    files: runFiles(recipe, environment),
    redact: environment.redact,
    onEvent: view.onEvent,
    keepWork: options.keepWork,
    takeOver: options.stealLocks,
  }).catch(async (error: unknown) => {
    await view.finish(undefined);
    throw error;
  });
  await view.finish(result.finished);
  const report = await writeRunReport(result, environment);
  if (report !== undefined && options.json !== true) {
    environment.stdout.write(`report: ${shownPath(report, environment)}\n`);
  }
  return result.exitCode;
}

/** What is kept beside the journal: the recipe as it was understood, before anything was filled in from the environment. */
function runFiles(recipe: LoadedRecipe<Recipe>, environment: CliEnvironment): Record<string, string> {
  return {
    'recipe.json': `${JSON.stringify(recipe.written, null, 2)}\n`,
    'recipe-files.json': `${JSON.stringify(
      recipe.files.map((file) => environment.redact(file)),
      null,
      2,
    )}\n`,
  };
}
