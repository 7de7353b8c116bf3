import { type Recipe, recipeSchema } from '../../pipeline.js';
import type { LoadedRecipe } from '../../recipe/load-recipe.js';
import { loadRecipe } from '../../recipe/load-recipe.js';
import type { CliEnvironment } from '../environment.js';

/** The recipe a command works on. Throws `RecipeError` with every mistake and its place. */
export async function readRecipe(
  path: string,
  overrides: readonly string[],
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory'>,
): Promise<LoadedRecipe<Recipe>> {
  const { variables, workingDirectory } = environment;
  return loadRecipe({ path, schema: recipeSchema, overrides, environment: variables, workingDirectory });
}
