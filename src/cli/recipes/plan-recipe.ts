import type { Graph } from '../../engine/flow/graph.js';
import { type PlanEntry, planRun } from '../../engine/flow/plan.js';
import { pipelineOf, type Recipe } from '../../pipeline.js';
import type { LoadedRecipe } from '../../recipe/load-recipe.js';
import type { StageServices } from '../../stages/services.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { openServices } from '../services.js';
import { readRecipe } from './recipe.js';
import { type SelectionOptions, selectionOf } from './run-options.js';

export interface RecipePlan {
  readonly recipe: LoadedRecipe<Recipe>;
  readonly entries: readonly PlanEntry[];
}

/** What `secpi run` with the same arguments would do. `check` may refuse once the flow is known, before anything is asked. */
export async function planRecipe(
  path: string,
  options: SelectionOptions,
  environment: CliEnvironment,
  check: (graph: Graph<StageServices>) => void = () => {},
): Promise<RecipePlan> {
  const recipe = await readRecipe(path, options.set, environment);
  const graph = pipelineOf(recipe.value);
  check(graph);
  const services = openServices(recipe.value, environment, { hubRetries: 1 });
  using interrupt = abortOnSignals();
  const entries = await planRun({
    graph,
    state: environment.state,
    seed: recipe.value.seed,
    services,
    signal: interrupt.signal,
    selection: selectionOf(options),
  });
  return { recipe, entries };
}
