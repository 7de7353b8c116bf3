import type { Override } from './override.js';
import { dotted } from './path.js';

/** A map of a recipe. */
export type Mapping = Record<PropertyKey, unknown>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Puts a layer on top of a value, in place. Maps are merged key by key, everything else is replaced; `null` removes what is
 * below. What is taken over is copied, so that `lower` shares nothing with `upper`.
 */
export function mergeInto(lower: Mapping, upper: Mapping): void {
  for (const [key, value] of Object.entries(upper)) mergeEntry(lower, key, value);
}

/** An override that was put on top, with the way that its path took: numbers are items of lists, texts keys of maps. */
export interface AppliedOverride {
  readonly override: Override;
  readonly steps: readonly (string | number)[];
}

/** Puts an override on top of a value, in place. Where its path leads nowhere nothing is changed, and a sentence says why. */
export function applyOverride(target: Mapping, override: Override): AppliedOverride | string {
  const steps = stepsThrough(target, override.path);
  if (typeof steps === 'string') return steps;
  let container: Mapping = target;
  for (const [index, step] of steps.entries()) {
    if (index === steps.length - 1) {
      mergeEntry(container, step, override.value);
    } else {
      if (!isContainer(entryOf(container, step))) setOwn(container, step, {});
      container = entryOf(container, step) as Mapping;
    }
  }
  return { override, steps };
}

function stepsThrough(target: Mapping, path: Override['path']): AppliedOverride['steps'] | string {
  const steps: (string | number)[] = [];
  let value: unknown = target;
  for (const part of path) {
    const list = dotted(steps);
    if (Array.isArray(value)) {
      const item = /^\d+$/.test(String(part)) ? Number(part) : undefined;
      if (item === undefined) return `\`${list}\` is a list; its items are named by number, as in \`${list}[0]\``;
      if (item >= value.length) return `\`${list}\` has no item ${part}; ${itemsOf(value.length)}`;
      steps.push(item);
    } else {
      if (typeof part === 'number') return `\`${list}\` is not a list and has no item ${part}`;
      steps.push(part);
    }
    value = isContainer(value) ? entryOf(value, steps.at(-1) ?? '') : undefined;
  }
  return steps;
}

function itemsOf(length: number): string {
  if (length === 0) return 'it is empty';
  return length === 1 ? 'its only item is 0' : `its items are 0 to ${length - 1}`;
}

/** Maps and lists alike: the items of a list are its entries. */
export function isContainer(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null;
}

function entryOf(container: Mapping, key: PropertyKey): unknown {
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function mergeEntry(lower: Mapping, key: PropertyKey, value: unknown): void {
  const below = entryOf(lower, key);
  // An item cannot be taken out of a list: those behind it would get other numbers.
  if (value === null && Object.hasOwn(lower, key) && !Array.isArray(lower)) delete lower[key];
  else if (isMapping(below) && isMapping(value)) mergeInto(below, value);
  else setOwn(lower, key, copied(value));
}

/** Not by assignment: a key such as `__proto__` has to stay visible until it is refused. */
function setOwn(container: Mapping, key: PropertyKey, value: unknown): void {
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copied(item)]));
}
