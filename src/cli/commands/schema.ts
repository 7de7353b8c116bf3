import type { CliEnvironment } from '../environment.js';
import { recipeJsonSchema } from '../recipes/recipe-json-schema.js';
import type { OutputOptions } from '../recipes/run-options.js';

/** `secpi schema`: the JSON Schema of recipes. `secpi.schema.json` in the package is the same text. */
export async function schemaCommand(options: OutputOptions, environment: CliEnvironment): Promise<number> {
  const text = recipeJsonSchema();
  environment.stdout.write(options.json === true ? `${JSON.stringify(JSON.parse(text))}\n` : text);
  return 0;
}
