import type * as z from 'zod';

export type Schema = z.core.$ZodType;
export type Shape = Readonly<Record<string, Schema>>;

/** The definition behind a zod type, as far as walking needs it. */
export interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly defaultValue?: unknown;
  readonly in?: Schema;
  readonly out?: Schema;
  readonly element?: Schema;
  readonly keyType?: Schema;
  readonly valueType?: Schema;
  readonly items?: readonly Schema[];
  readonly rest?: Schema | null;
  readonly shape?: Shape;
  readonly catchall?: Schema;
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly values?: readonly unknown[];
  readonly options?: readonly Schema[];
  readonly left?: Schema;
  readonly right?: Schema;
  readonly getter?: () => Schema;
}

/** What zod itself knows about a schema. The one place that looks behind its types. */
export function definitionOf(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

/** What a wrapper (optional, default, ...) holds, under the same value; nothing for any other schema. */
export function wrappedIn(schema: Schema): Schema | undefined {
  const { type, innerType, getter } = definitionOf(schema);
  switch (type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return innerType;
    case 'lazy':
      return getter?.();
    default:
      return undefined;
  }
}

/** The schema of one entry of a map or list, if this schema has such an entry. */
export function childOf(schema: Schema, key: PropertyKey): Schema | undefined {
  const { type, shape = {}, catchall, element, valueType, items = [], rest } = definitionOf(schema);
  switch (type) {
    case 'object':
      return Object.hasOwn(shape, key) ? shape[String(key)] : catchall;
    case 'array':
      return element;
    case 'record':
    case 'map':
      return valueType;
    case 'tuple':
      return items[Number(key)] ?? rest ?? undefined;
    default:
      return undefined;
  }
}

/** Every schema that stands directly inside this one, whatever for. */
export function partsOf(schema: Schema): readonly Schema[] {
  const { shape = {}, items = [], options = [], ...def } = definitionOf(schema);
  const single = [
    def.catchall,
    def.element,
    def.rest,
    def.keyType,
    def.valueType,
    def.left,
    def.right,
    def.in,
    def.out,
  ];
  return [...Object.values(shape), ...items, ...options, ...single, wrappedIn(schema)].filter((part) => part != null);
}

/** The schema itself and what it stands for (optional, pipe, union ...): what a value at this place can really be. */
export function alternativesOf(schema: Schema | undefined): readonly Schema[] {
  if (schema === undefined) return [];
  const def = definitionOf(schema);
  switch (def.type) {
    case 'never':
      return [];
    case 'pipe': {
      // What is written is the input of a pipe; behind a preprocessing step only its output has a form.
      const takesAnything = def.in !== undefined && definitionOf(def.in).type === 'transform';
      return [schema, ...alternativesOf(takesAnything ? def.out : def.in)];
    }
    case 'union':
      return [schema, ...(def.options ?? []).flatMap(alternativesOf)];
    case 'intersection':
      return [...alternativesOf(def.left), ...alternativesOf(def.right)];
    default:
      return [schema, ...alternativesOf(wrappedIn(schema))];
  }
}

/** All schemas that may govern one entry of a value which any of `schemas` governs. Empty when none has such an entry. */
export function schemasOfEntry(schemas: readonly Schema[], key: PropertyKey): readonly Schema[] {
  return schemas.flatMap((schema) => alternativesOf(childOf(schema, key)));
}

/** All schemas that may govern the value at a path. Empty when the schema knows no such place. */
export function schemasAt(schema: Schema, path: readonly PropertyKey[]): readonly Schema[] {
  return path.reduce(schemasOfEntry, alternativesOf(schema));
}

/** The keys that an object at this path may have; what "did you mean" chooses from. */
export function knownKeys(schema: Schema, path: readonly PropertyKey[]): readonly string[] {
  return schemasAt(schema, path).flatMap((candidate) => {
    const { shape = {}, keyType } = definitionOf(candidate);
    const named = alternativesOf(keyType).flatMap((key) => Object.values(definitionOf(key).entries ?? {}).map(String));
    return [...Object.keys(shape), ...named];
  });
}
