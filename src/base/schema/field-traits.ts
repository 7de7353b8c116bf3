import * as z from 'zod';

/** What has to be known about a field beyond its type. */
export interface FieldTraits {
  /** It says how to run, not what to make; no fingerprint sees it. */
  readonly operational?: true;
  /** Relative to the recipe that names it; must exist unless it is written to. */
  readonly path?: 'input' | 'output';
  /** `${NAME}` is replaced from the environment here, and only in fields marked so. */
  readonly environment?: {
    /** A value of the right form that nobody answers to, for whoever only reads the recipe. */
    readonly standIn: string;
  };
}

const registry = z.registry<FieldTraits>();

/** A copy of the schema that has these traits as well. The schema itself stays as it is: it may stand in other places. */
export function withTraits<S extends z.ZodType>(schema: S, traits: FieldTraits): S {
  const marked: S = schema.clone();
  registry.add(marked, traits);
  return marked;
}

/** The traits of a schema and of those that it was cloned from, as `.describe()`, `.min()` and `withTraits` do. */
export function traitsOf(schema: z.core.$ZodType): FieldTraits {
  return registry.get(schema) ?? {};
}
