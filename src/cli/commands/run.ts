import { executeRun } from '../../engine/runs/runner.js';
import { pipelineOf, type Recipe } from '../../pipeline.js';
import type { LoadedRecipe } from '../../recipe/load-recipe.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import { continueArguments, continueCommand } from '../recipes/continue-command.js';
import { readRecipe } from '../recipes/recipe.js';
import { type RunOptions, selectionOf } from '../recipes/run-options.js';
import { beginInBackground, OUTPUT } from '../runs/background-run.js';
import { INVOCATION, invocationOf } from '../runs/invocation.js';
import { runJson } from '../runs/run-json.js';
import { writeRunReport } from '../runs/run-report.js';
import { openServices } from '../services.js';
import { openRunView } from '../views/open-run-view.js';

export interface RunCommandOptions extends RunOptions {
  /** Begin it in the background. */
  readonly detach?: boolean;
  /** It is begun in the background, under this id. */
  readonly background?: string;
}

/** `secpi run`: the recipe from its first missing stage to its last. */
export async function runCommand(
  path: string,
  options: RunCommandOptions,
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const recipe = await readRecipe(path, options.set, environment);
  const graph = pipelineOf(recipe.value);
  if (options.detach === true) return await beginDetached(path, options, environment, interrupt.signal);
  const services = openServices(recipe.value, environment);
  const view = await openRunView(options, environment, (stages) => continueCommand(path, options, stages));
  const result = await executeRun({
    run: options.background,
    graph,
    state: environment.state,
    seed: recipe.value.seed,
    services,
    signal: interrupt.signal,
    recipe: { name: recipe.value.name, sha256: recipe.sha256 },
    version: environment.version,
    selection: selectionOf(options),
    files: runFiles(path, options, recipe, environment),
    redact: environment.redact,
    onEvent: view.onEvent,
    onRequest: interrupt.onRequest,
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

async function beginDetached(
  path: string,
  options: RunCommandOptions,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<number> {
  const { workingDirectory, stdout } = environment;
  const words = [...continueArguments(path, options, []), ...(options.stealLocks === true ? ['--steal-locks'] : [])];
  const begun = await beginInBackground({ arguments: words, options, workingDirectory }, environment, signal);
  if (typeof begun === 'number') return begun;
  const { run, folder } = begun;
  const log = `${folder}/${OUTPUT}`;
  if (options.json === true) {
    writeJson({ ...runJson(begun), log }, environment);
    return 0;
  }
  stdout.write(
    [
      `run ${run} has begun, and goes on without this terminal`,
      `watch it with: secpi attach ${run}`,
      `stop it with:  secpi cancel ${run}`,
      `what it says:  ${shownPath(log, environment)}`,
      '',
    ].join('\n'),
  );
  return 0;
}

/** What is kept beside the journal: the recipe as it was understood, before anything was filled in from the environment. */
function runFiles(
  path: string,
  options: RunOptions,
  recipe: LoadedRecipe<Recipe>,
  environment: CliEnvironment,
): Record<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'recipe.json': json(recipe.written),
    'recipe-files.json': json(recipe.files.map((file) => environment.redact(file))),
    [INVOCATION]: json(invocationOf(path, options, recipe, environment)),
  };
}
