import * as z from 'zod';
import type { Json } from '../base/json.js';
import { traitsOf, withTraits } from '../base/schema/field-traits.js';
import { childOf, definitionOf, partsOf, type Schema, wrappedIn } from '../base/schema/schema-walk.js';

/**
 * Marks a field as "how to run", not "what to make": concurrency, retries, prices, where to run. Such a field may change
 * without any stage running again. Returns a marked copy; the schema itself may mean something in other places.
 */
export function operational<S extends z.ZodType>(schema: S): S {
  return withTraits(schema, { operational: true });
}

function isOperational(schema: Schema): boolean {
  return traitsOf(schema).operational === true;
}

/** What is left of a value when its operational parts are taken out; `DROPPED` when that is all of it. */
const DROPPED = Symbol('dropped');
type Kept = Json | typeof DROPPED | undefined;

/** Whether a schema or anything below it is marked. `seen` ends the walk in a schema that refers to itself. */
function hasMarks(schema: Schema, seen: Set<Schema> = new Set()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return isOperational(schema) || partsOf(schema).some((part) => hasMarks(part, seen));
}

function accepts(schema: Schema, value: unknown): boolean {
  try {
    return z.safeParse(schema, value).success;
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

function keep(schema: Schema | undefined, value: unknown, path: string): Kept {
  if (schema === undefined) return plain(value, path);
  if (isOperational(schema)) return DROPPED;
  if (value === undefined || value === null) return value;
  const inner = wrappedIn(schema);
  if (inner !== undefined) return keep(inner, value, path);
  const { type, left, right, options, out } = definitionOf(schema);
  switch (type) {
    case 'object':
    case 'record':
      if (!isRecord(value)) break;
      return fromEntries(
        Object.entries(value).map(([key, item]) => [key, keep(childOf(schema, key), item, `${path}.${key}`)]),
      );
    case 'array':
    case 'tuple':
      if (!Array.isArray(value)) break;
      return value.map((item, index) => orNull(keep(childOf(schema, index), item, `${path}[${index}]`)));
    case 'intersection': {
      const kept = keep(left, value, path);
      return kept === DROPPED ? DROPPED : keep(right, kept, path);
    }
    case 'union': {
      const option = options?.find((candidate) => accepts(candidate, value));
      if (option !== undefined) return keep(option, value, path);
      break;
    }
    case 'pipe':
      // The value is what came out, so its shape is that of `out`, unless that is a transform, which has none.
      if (out !== undefined && definitionOf(out).type !== 'transform') return keep(out, value, path);
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
