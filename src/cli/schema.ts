import type { CliEnvironment } from './environment.js';
import { recipeJsonSchema } from './recipe-json-schema.js';

/** `secpi schema`: the JSON Schema of recipes. `secpi.schema.json` in the package is the same text. */
export async function schemaCommand(environment: CliEnvironment): Promise<number> {
  environment.stdout.write(recipeJsonSchema());
  return 0;
}
