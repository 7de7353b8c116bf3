import * as z from 'zod';
import { withTraits } from '../base/schema/field-traits.js';

/** A file or folder to read, relative to the recipe file that names it (or to the current folder, from `--set`). */
export function inputPath(): z.ZodString {
  return withTraits(z.string().min(1), { path: 'input' });
}

/** A folder to write to, relative like `inputPath`. */
export function outputPath(): z.ZodString {
  return withTraits(z.string().min(1), { path: 'output' });
}

/**
 * Marks a string field in which `${NAME}` is replaced from the environment. Returns a marked copy. `standIn` is a value that it takes and that
 * leads nowhere, where a recipe is only read and its variables are not set.
 */
export function fromEnvironment<S extends z.ZodType>(schema: S, standIn: string): S {
  return withTraits(schema, { environment: { standIn } });
}
