import type { z } from 'zod';

type Schema = z.core.$ZodType;
type Path = readonly PropertyKey[];

/** The definition behind a zod type, as far as walking needs it. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly options?: readonly Schema[];
  readonly left?: Schema;
  readonly right?: Schema;
  readonly getter?: () => Schema;
}

function definition(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schemas inside wrappers (optional, default, pipe, union ...): what a value at this place can really be. */
function unwrap(schema: Schema): readonly Schema[] {
  const def = definition(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return def.innerType === undefined ? [] : [schema, ...unwrap(def.innerType)];
    case 'pipe':
      return def.in === undefined ? [] : [schema, ...unwrap(def.in)];
    case 'lazy':
      return def.getter === undefined ? [] : unwrap(def.getter());
    case 'union':
      return [schema, ...(def.options ?? []).flatMap(unwrap)];
    case 'intersection':
      return [def.left, def.right].flatMap((side) => (side === undefined ? [] : unwrap(side)));
    default:
      return [schema];
  }
}

/** All schemas that may govern the value at a path. Empty when the schema knows no such place. */
export function schemasAt(schema: Schema, path: Path): readonly Schema[] {
  let current = unwrap(schema);
  for (const key of path) {
    current = current.flatMap((candidate) => {
      const def = definition(candidate);
      const child = def.type === 'object' ? def.shape?.[String(key)] : (def.element ?? def.valueType);
      return child === undefined ? [] : unwrap(child);
    });
  }
  return current;
}

/** The keys that an object at this path may have; what "did you mean" chooses from. */
export function knownKeys(schema: Schema, path: Path): readonly string[] {
  return schemasAt(schema, path).flatMap((candidate) => Object.keys(definition(candidate).shape ?? {}));
}
