import { z } from 'zod';
import type { Json } from '../base/json.js';

const operationalSchemas = z.registry<{ readonly operational: true }>();

/**
 * Marks a field as "how to run", not "what to make": concurrency, retries, prices, where to run. Such a field may change
 * without any stage running again. Returns a marked copy; the schema itself may mean something in other places.
 */
export function operational<S extends z.ZodType>(schema: S): S {
  const marked: S = schema.clone();
  operationalSchemas.add(marked, { operational: true });
  return marked;
}

/** `get` also finds the mark of the schema that this one was cloned from, as `.describe()` and `.min()` do. */
function isOperational(schema: z.ZodType): boolean {
  return operationalSchemas.get(schema) !== undefined;
}

/** What is left of a value when its operational parts are taken out; `DROPPED` when that is all of it. */
const DROPPED = Symbol('dropped');
type Kept = Json | typeof DROPPED | undefined;

/** The part of zod's own description of a schema that the walk below needs. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly element?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly rest?: z.ZodType | null;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly left?: z.ZodType;
  readonly right?: z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly getter?: () => z.ZodType;
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

/** Whether anything below a schema is marked. `seen` ends the walk in a schema that refers to itself. */
function hasMarks(schema: z.ZodType, seen: Set<z.ZodType> = new Set()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  if (isOperational(schema)) return true;
  const def = definitionOf(schema);
  const below = [
    ...Object.values(def.shape ?? {}),
    ...(Array.isArray(def.items) ? def.items : []),
    ...(def.options ?? []),
    ...[def.catchall, def.element, def.rest, def.valueType, def.innerType, def.left, def.right, def.in, def.out],
    def.type === 'lazy' ? def.getter?.() : undefined,
  ];
  return below.some((inner) => inner instanceof z.ZodType && hasMarks(inner, seen));
}

function accepts(schema: z.ZodType, value: unknown): boolean {
  try {
    return schema.safeParse(value).success;
  } catch {
    return false;
  }
}

/** A value that is taken as it is, checked to be plain JSON: anything else would not survive a fingerprint. */
function plain(value: unknown, path: string): Kept {
  if (value === undefined) return undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => orNull(plain(item, `${path}[${index}]`)));
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, `${path}.${key}`)]));
  }
  throw new TypeError(`${path} is not plain JSON and cannot be part of a fingerprint`);
}

function orNull(kept: Kept): Json {
  return kept === DROPPED || kept === undefined ? null : kept;
}

function fromEntries(entries: readonly (readonly [string, Kept])[]): Json {
  const left = entries.filter((entry): entry is readonly [string, Json] => {
    return entry[1] !== DROPPED && entry[1] !== undefined;
  });
  return Object.fromEntries(left);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keep(schema: z.ZodType | undefined | null, value: unknown, path: string): Kept {
  if (schema === undefined || schema === null) return plain(value, path);
  if (isOperational(schema)) return DROPPED;
  if (value === undefined || value === null) return value;
  const def = definitionOf(schema);
  switch (def.type) {
    case 'object':
      if (!isRecord(value)) break;
      return fromEntries(
        Object.entries(value).map(([key, item]) => {
          const field = Object.hasOwn(def.shape ?? {}, key) ? def.shape?.[key] : def.catchall;
          return [key, keep(field, item, `${path}.${key}`)];
        }),
      );
    case 'record':
      if (!isRecord(value)) break;
      return fromEntries(
        Object.entries(value).map(([key, item]) => [key, keep(def.valueType, item, `${path}.${key}`)]),
      );
    case 'array':
      if (!Array.isArray(value)) break;
      return value.map((item, index) => orNull(keep(def.element, item, `${path}[${index}]`)));
    case 'tuple':
      if (!Array.isArray(value)) break;
      return value.map((item, index) => orNull(keep(def.items?.[index] ?? def.rest, item, `${path}[${index}]`)));
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return keep(def.innerType, value, path);
    case 'lazy':
      return keep(def.getter?.(), value, path);
    case 'intersection': {
      const left = keep(def.left, value, path);
      return left === DROPPED ? DROPPED : keep(def.right, left, path);
    }
    case 'union': {
      const option = def.options?.find((candidate) => accepts(candidate, value));
      if (option !== undefined) return keep(option, value, path);
      break;
    }
    case 'pipe':
      // The value is what came out, so its shape is that of `out`, unless that is a transform, which has none.
      if (def.out !== undefined && definitionOf(def.out).type !== 'transform') return keep(def.out, value, path);
      break;
  }
  if (hasMarks(schema)) {
    // Keeping all of it would let a price change re-run a stage; dropping would let a real change go unseen.
    throw new TypeError(`the operational fields in ${path} cannot be told apart: its schema hides the value's shape`);
  }
  return plain(value, path);
}

/**
 * The part of a parsed value that decides what is made: everything but the fields marked with `operational()`. The marks are
 * found through objects, arrays, tuples, records, unions (the option that takes the value), optionals, defaults,
 * intersections and pipes. Absent and undefined are the same. Throws a TypeError for values that are not plain JSON, and
 * where a transform hides which part of a value a mark refers to.
 */
export function meaningOf(schema: z.ZodType, value: unknown): Json {
  const kept = keep(schema, value, 'params');
  return kept === DROPPED || kept === undefined ? {} : kept;
}
