import { z } from 'zod';

/** What the loader has to know about a field beyond its type. */
interface FieldTraits {
  /** Relative to the recipe that names it; must exist unless it is written to. */
  readonly path?: 'input' | 'output';
  /** `${NAME}` is replaced from the environment here, and only in fields marked so. */
  readonly environment?: true;
}

const traits = z.registry<FieldTraits>();

/** A file or folder to read, relative to the recipe file that names it (or to the current folder, from `--set`). */
export function inputPath(): z.ZodString {
  return z.string().min(1).register(traits, { path: 'input' });
}

/** A folder to write to, relative like `inputPath`. */
export function outputPath(): z.ZodString {
  return z.string().min(1).register(traits, { path: 'output' });
}

/** Marks a string field in which `${NAME}` is replaced from the environment. */
export function fromEnvironment<T extends z.ZodType>(schema: T): T {
  traits.add(schema, { environment: true });
  return schema;
}

export function traitsOf(schema: z.core.$ZodType): FieldTraits {
  return traits.get(schema) ?? {};
}
