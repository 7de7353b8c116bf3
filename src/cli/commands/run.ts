import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import { continueArguments, continueCommand } from '../recipes/continue-command.js';
import { readMembers } from '../recipes/recipe.js';
import type { RunOptions } from '../recipes/run-options.js';
import { beginInBackground, OUTPUT } from '../runs/background-run.js';
import { executeRecipe } from '../runs/execute-recipe.js';
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

/** `secpi run`: the recipe from its first missing stage to its last; with a matrix all its members, side by side. */
export async function runCommand(
  path: string,
  options: RunCommandOptions,
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const members = await readMembers(path, options, environment);
  if (options.detach === true) return await beginDetached(path, options, environment, interrupt.signal);
  const [recipe, ...others] = members;
  if (others.length > 0) {
    const { runSweep } = await import('../sweeps/run-sweep.js');
    return await runSweep({ path, members, interrupt, run: options.background }, options, environment);
  }
  const services = openServices(recipe.value, environment);
  const view = await openRunView(options, environment, (stages) => continueCommand(path, options, stages));
  const { signal, onRequest } = interrupt;
  const { onEvent } = view;
  const more = { run: options.background, services, signal, onRequest, onEvent };
  const result = await executeRecipe({ path, recipe }, options, environment, more).catch(async (error: unknown) => {
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
      // To attach shows one run; the sweep goes on when that one is over.
      `watch it with: secpi ${begun.sweep === undefined ? `attach ${run}` : `status ${begun.sweep}`}`,
      `stop it with:  secpi cancel ${run}${begun.sweep === undefined ? '' : ', which stops all of the sweep'}`,
      `what it says:  ${shownPath(log, environment)}`,
      '',
    ].join('\n'),
  );
  return 0;
}
