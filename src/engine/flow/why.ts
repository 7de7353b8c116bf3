import { canonicalJson, type Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';
import { listManifests } from '../artifacts/artifact-store.js';
import type { StateDirectory } from '../state-directory.js';
import { type Preimage, preimageJson } from './fingerprint.js';

const MAX_TEXT = 60;

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: Json): string {
  if (typeof value === 'string' && /^[0-9a-f]{40,}$/.test(value)) return value.slice(0, 12);
  const text = canonicalJson(value);
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}

function change(path: string, before: Json | undefined, after: Json | undefined): string {
  if (before === undefined && after !== undefined) return `${path}: added (${shown(after)})`;
  if (after === undefined && before !== undefined) return `${path}: removed (was ${shown(before)})`;
  const [was, is] = [shown(before ?? null), shown(after ?? null)];
  if (was === is) return `${path}: changed behind "${was}"`;
  return path.startsWith('inputs.') ? `${path}: other content (${was} → ${is})` : `${path}: ${was} → ${is}`;
}

function* changes(path: string, before: Json | undefined, after: Json | undefined): Generator<string> {
  if (before === undefined || after === undefined) {
    if (before !== after) yield change(path, before, after);
  } else if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      const child = path === '' ? key : `${path}.${key}`;
      const was = Object.hasOwn(before, key) ? before[key] : undefined;
      yield* changes(child, was, Object.hasOwn(after, key) ? after[key] : undefined);
    }
  } else if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [index, was] of before.entries()) yield* changes(`${path}[${index}]`, was, after[index]);
  } else if (canonicalJson(before) !== canonicalJson(after)) {
    yield change(path, before, after);
  }
}

/** What differs between two preimages, one readable line each, e.g. `params.sampling.temperature: 0.6 → 0.7`. */
export function diffPreimages(before: Json, after: Json): string[] {
  return [...changes('', before, after)];
}

/** Why there is no artifact for a preimage. */
export interface Miss {
  /** The artifact that the lines compare with: of those the stage has made, the one most like this. Null if there is none. */
  readonly against: Sha256 | null;
  readonly lines: readonly string[];
}

/**
 * Compares a preimage with the nearest artifact of its stage: the one that differs in fewest places, of several the newest. Inputs
 * in `unknown` are not known yet and left out of the comparison.
 */
export async function explainMiss(
  state: StateDirectory,
  preimage: Preimage,
  unknown: readonly string[] = [],
): Promise<Miss> {
  const known = (json: Json): Json => {
    if (!isObject(json) || !isObject(json.inputs)) return json;
    return {
      ...json,
      inputs: Object.fromEntries(Object.entries(json.inputs).filter(([key]) => !unknown.includes(key))),
    };
  };
  const wanted = known(preimageJson(preimage));
  let nearest: { readonly against: Sha256; readonly lines: readonly string[] } | undefined;
  for (const manifest of await listManifests(state, preimage.stage)) {
    const lines = diffPreimages(known(manifest.preimage), wanted);
    if (nearest === undefined || lines.length < nearest.lines.length)
      nearest = { against: manifest.fingerprint, lines };
  }
  return nearest ?? { against: null, lines: ['it has never run here'] };
}
