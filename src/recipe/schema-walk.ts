import type { z } from 'zod';

type Schema = z.core.$ZodType;
type Path = readonly PropertyKey[];

/** The definition behind a zod type, as far as walking needs it. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly out?: Schema;
  readonly element?: Schema;
  readonly keyType?: Schema;
  readonly valueType?: Schema;
  readonly items?: readonly Schema[];
  readonly rest?: Schema | null;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly catchall?: Schema;
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly options?: readonly Schema[];
  readonly left?: Schema;
  readonly right?: Schema;
  readonly getter?: () => Schema;
}

function definition(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schemas inside wrappers (optional, default, pipe, union ...): what a value at this place can really be. */
function unwrap(schema: Schema | null | undefined): readonly Schema[] {
  if (schema === null || schema === undefined) return [];
  const def = definition(schema);
  switch (def.type) {
    case 'never':
      return [];
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return [schema, ...unwrap(def.innerType)];
    case 'pipe': {
      // What stands in the recipe is the input of a pipe; behind a preprocessing step only its output has a form.
      const takesAnything = def.in !== undefined && definition(def.in).type === 'transform';
      return [schema, ...unwrap(takesAnything ? def.out : def.in)];
    }
    case 'lazy':
      return unwrap(def.getter?.());
    case 'union':
      return [schema, ...(def.options ?? []).flatMap(unwrap)];
    case 'intersection':
      return [...unwrap(def.left), ...unwrap(def.right)];
    default:
      return [schema];
  }
}

/** The schema of one entry of a map or list, if this schema has such an entry. */
function childOf(schema: Schema, key: PropertyKey): Schema | null | undefined {
  const { type, shape = {}, catchall, element, valueType, items = [], rest } = definition(schema);
  switch (type) {
    case 'object':
      return Object.hasOwn(shape, key) ? shape[String(key)] : catchall;
    case 'array':
      return element;
    case 'record':
    case 'map':
      return valueType;
    case 'tuple':
      return items[Number(key)] ?? rest;
    default:
      return undefined;
  }
}

/** All schemas that may govern the value at a path. Empty when the schema knows no such place. */
export function schemasAt(schema: Schema, path: Path): readonly Schema[] {
  let current = unwrap(schema);
  for (const key of path) current = current.flatMap((candidate) => unwrap(childOf(candidate, key)));
  return current;
}

/** The keys that an object at this path may have; what "did you mean" chooses from. */
export function knownKeys(schema: Schema, path: Path): readonly string[] {
  return schemasAt(schema, path).flatMap((candidate) => {
    const { shape = {}, keyType } = definition(candidate);
    const named = unwrap(keyType).flatMap((key) => Object.values(definition(key).entries ?? {}).map(String));
    return [...Object.keys(shape), ...named];
  });
}
