import { pipelineOf } from '../../pipeline.js';
import { loadSuite } from '../../suites/registry.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import { readRecipe } from '../recipes/recipe.js';
import type { OutputOptions } from '../recipes/run-options.js';

/** `secpi validate`: everything that can be checked without running anything. */
export async function validateCommand(
  path: string,
  options: OutputOptions & { readonly set: readonly string[] },
  environment: CliEnvironment,
): Promise<number> {
  const recipe = await readRecipe(path, options.set, environment);
  const graph = pipelineOf(recipe.value);
  for (const suite of Object.keys(recipe.value.evaluate.suites)) await loadSuite(suite);
  const stages = graph.nodes.map((node) => node.name);
  const { name } = recipe.value;
  if (options.json === true) {
    writeJson({ type: 'valid', recipe: name, sha256: recipe.sha256, files: recipe.files, stages }, environment);
  } else {
    environment.stdout.write(`${path} is a valid recipe: ${name} (${stages.join(' → ')})\n`);
  }
  return 0;
}
