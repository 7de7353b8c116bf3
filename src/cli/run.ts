import { relative } from 'node:path';
import { executeRun } from '../engine/runner.js';
import { pipelineOf, type Recipe } from '../pipeline.js';
import type { LoadedRecipe } from '../recipe/load-recipe.js';
import type { CliEnvironment } from './environment.js';
import { abortOnSignals } from './interrupt.js';
import { readRecipe } from './recipe.js';
import { openRunView } from './open-run-view.js';
import { writeRunReport } from './run-report.js';
import { openServices } from './services.js';

/** Options that `run`, `plan` and `why` share. */
export interface SelectionOptions {
  readonly set: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly only: readonly string[];
  readonly force: readonly string[];
}

export interface RunOptions extends SelectionOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly stealLocks?: boolean;
  readonly keepWork?: boolean;
}

/** What part of the flow the options choose. */
export function selectionOf({ from, until, only, force }: SelectionOptions) {
  return { from, until, only: only.length === 0 ? undefined : only, force };
}

/** `secpi run`: the recipe from its first missing stage to its last. */
export async function runCommand(path: string, options: RunOptions, environment: CliEnvironment): Promise<number> {
  const recipe = await readRecipe(path, options.set, environment);
  const graph = pipelineOf(recipe.value);
  const view = openRunView(options, environment);
  const interrupt = abortOnSignals((name) => {
    if (options.json !== true) environment.stderr.write(`\n${name}: stopping where it can be resumed; press Ctrl-C again to end at once\n`);
  });
  const services = openServices(recipe.value, environment);
  try {
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
    });
    const report = await writeRunReport(environment.state, result.finished, environment);
    await view.finish(result.finished);
    if (report !== undefined && options.json !== true) environment.stdout.write(`report: ${relative(environment.workingDirectory, report)}\n`);
    return result.exitCode;
  } catch (error) {
    await view.finish(undefined);
    throw error;
  } finally {
    interrupt.dispose();
  }
}

/** What is kept beside the journal: the recipe as it was understood, before anything was filled in from the environment. */
function runFiles(recipe: LoadedRecipe<Recipe>, environment: CliEnvironment): Record<string, string> {
  return {
    'recipe.json': `${JSON.stringify(recipe.written, null, 2)}\n`,
    'recipe-files.json': `${JSON.stringify(recipe.files.map((file) => environment.redact(file)), null, 2)}\n`,
  };
}
