import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath } from '../output.js';
import { readMembers } from '../recipes/recipe.js';
import type { RunOptions } from '../recipes/run-options.js';
import { executeRecipe } from '../runs/execute-recipe.js';
import { writeRunReport } from '../runs/run-report.js';
import { openServices } from '../services.js';
import { openRunView } from '../views/open-run-view.js';

/** `secpi run`: the recipe from its first missing stage to its last; with a matrix all its members, side by side. */
export async function runCommand(path: string, options: RunOptions, environment: CliEnvironment): Promise<number> {
  const members = await readMembers(path, options, environment);
  const [recipe, ...others] = members;
  if (others.length > 0) {
    const { runSweep } = await import('../sweeps/run-sweep.js');
    return runSweep(path, members, options, environment);
  }
  const services = openServices(recipe.value, environment);
  using interrupt = abortOnSignals();
  const view = await openRunView(path, options, environment);
  const { signal } = interrupt;
  const { onEvent } = view;
  const result = await executeRecipe(recipe, options, environment, { services, signal, onEvent }).catch(
    async (error: unknown) => {
      await view.finish(undefined);
      throw error;
    },
  );
  await view.finish(result.finished);
  const report = await writeRunReport(result, environment);
  if (report !== undefined && options.json !== true) {
    environment.stdout.write(`report: ${shownPath(report, environment)}\n`);
  }
  return result.exitCode;
}
