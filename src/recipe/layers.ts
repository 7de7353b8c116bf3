import { parse as parseYaml } from 'yaml';
import { messageOf, SecpiError } from '../base/errors.js';
import type { RecipeDocument } from './document.js';

type Path = readonly PropertyKey[];

/** A `--set a.b=c` from the command line. */
export interface Override {
  readonly text: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Reads `a.b=c`; the value is YAML, so `3`, `true`, `[a, b]` and `{k: v}` mean what they mean in a recipe. */
export function parseOverride(text: string): Override {
  const at = text.indexOf('=');
  const path = text.slice(0, at).split('.');
  if (at <= 0 || path.some((part) => part === '')) {
    throw new SecpiError('recipe/bad-override', `--set ${text} is not of the form a.b=value`, {
      exitCode: 2,
      hint: 'For example: --set train.learning_rate=1e-4',
    });
  }
  // Such a key would reach the prototype of every object.
  if (path.some((part) => ['__proto__', 'constructor', 'prototype'].includes(part))) {
    throw new SecpiError('recipe/bad-override', `--set cannot name ${path.join('.')}`, { exitCode: 2 });
  }
  try {
    return { text, path, value: parseYaml(text.slice(at + 1), { maxAliasCount: 10 }) ?? null };
  } catch (error) {
    throw new SecpiError('recipe/bad-override', `the value of --set ${text} is not YAML: ${messageOf(error)}`, {
      exitCode: 2,
    });
  }
}

/** Maps are merged key by key, everything else is replaced. `null` in the upper layer removes the lower value. */
export function mergeLayers(lower: unknown, upper: unknown): unknown {
  if (!isMapping(lower) || !isMapping(upper)) return upper;
  // A map, not an object: a key such as `__proto__` has to stay visible until it is refused.
  const merged = new Map<string, unknown>(Object.entries(lower));
  for (const [key, value] of Object.entries(upper)) {
    if (value === null && merged.has(key)) merged.delete(key);
    else merged.set(key, merged.has(key) ? mergeLayers(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/** The value of one override as a layer of its own. */
export function overrideLayer(override: Override): unknown {
  return override.path.reduceRight<unknown>((value, key) => ({ [key]: value }), override.value);
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where a merged value came from: the uppermost layer that has it. */
export type Origin =
  | { readonly kind: 'override'; readonly override: Override }
  | { readonly kind: 'document'; readonly document: RecipeDocument };

/**
 * Finds the layer that decided a value; for a missing value, the layer that has the nearest parent. A list or a plain value
 * replaces everything below it, so what stands at the same path further down decides nothing.
 */
export function originOf(
  path: Path,
  documents: readonly RecipeDocument[],
  overrides: readonly Override[],
): Origin | undefined {
  let layers: readonly { readonly origin: Origin; readonly value: unknown }[] = [
    ...[...overrides].reverse().map((override) => ({
      origin: { kind: 'override', override } as const,
      value: overrideLayer(override),
    })),
    ...documents.map((document) => ({ origin: { kind: 'document', document } as const, value: document.value })),
  ];
  let found: Origin | undefined = documents[0] && { kind: 'document', document: documents[0] };
  for (let depth = 1; depth <= path.length; depth += 1) {
    const part = path.slice(0, depth);
    const holders = layers.filter(({ value }) => has(value, part));
    const [top] = holders;
    if (top === undefined) break;
    const replaced = holders.findIndex(({ value }) => !isMapping(at(value, part)));
    layers = replaced === -1 ? holders : holders.slice(0, Math.max(1, replaced));
    // A missing key is missed in the document that has the map, not in an override that adds another key to it.
    const home = layers.find(({ origin }) => origin.kind === 'document' || reaches(origin.override, part)) ?? top;
    found = home.origin;
  }
  return found;
}

/** Whether the override gives the value at this path, rather than only leading to a place further inside. */
function reaches(override: Override, path: Path): boolean {
  return path.length >= override.path.length;
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((current, key) => (current as Record<PropertyKey, unknown>)[key], value);
}

function has(value: unknown, path: Path): boolean {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return false;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return true;
}
