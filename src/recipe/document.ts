import { readFile, stat } from 'node:fs/promises';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type Document as YamlDocument,
} from 'yaml';
import { messageOf, SecpiError, type SourceLocation } from '../base/errors.js';
import type { Diagnostic } from './diagnostic.js';

/** A recipe is read by people; anything longer is a mistake (a dataset given as a recipe, say). */
const maximumBytes = 1024 * 1024;
/** Bounds what aliases may expand to: an alias bomb of a few lines would otherwise fill the memory. */
const maximumAliases = 100;

/** One parsed YAML file that can tell where each of its values stands. */
export interface RecipeDocument {
  readonly path: string;
  readonly source: string;
  readonly value: unknown;
  /** The place of the value at a path, of its key, or of the nearest parent that exists; exact tells which. */
  locate(
    path: readonly PropertyKey[],
    what: 'key' | 'value',
  ): { location: SourceLocation; length: number; exact: boolean };
}

/** Reads one YAML file; messages call it `shown`. Syntax errors, duplicate keys and unsafe numbers come back as diagnostics. */
export async function readDocument(
  path: string,
  shown: string,
  referredFrom?: { location: SourceLocation; length: number },
): Promise<{ document: RecipeDocument | undefined; source: string; diagnostics: readonly Diagnostic[] }> {
  const fail = (message: string, hint?: string) => ({
    document: undefined,
    source: '',
    diagnostics: [
      {
        message,
        hint,
        // The mistake stands where the file is named: in another recipe, or on the command line.
        location: referredFrom?.location,
        length: referredFrom?.length ?? 1,
      },
    ],
  });
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return fail(`there is no file ${shown}`, '`secpi init` writes a recipe to start from.');
  if (!info.isFile()) return fail(`${shown} is not a file`);
  if (info.size > maximumBytes) {
    return fail(
      `${shown} has ${info.size} bytes; a recipe has at most ${maximumBytes}`,
      'Was a dataset meant? Name it under `collect.sources`.',
    );
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new SecpiError('recipe/unreadable', `cannot read ${shown}: ${messageOf(error)}`, { exitCode: 2 });
  });
  if (bytes.includes(0)) return fail(`${shown} is not a text file`);
  return parseRecipe(shown, bytes.toString('utf8'));
}

/** Parses YAML text; `path` is only used in messages. */
export function parseRecipe(
  path: string,
  source: string,
): { document: RecipeDocument | undefined; source: string; diagnostics: readonly Diagnostic[] } {
  const lines = new LineCounter();
  const locationAt = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file: path, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const yaml = parseDocument(source, { lineCounter: lines, merge: true, uniqueKeys: true, prettyErrors: false });
  const diagnostics: Diagnostic[] = yaml.errors.slice(0, 20).map((error) => ({
    message: error.code === 'DUPLICATE_KEY' ? 'this key stands twice in the same map' : error.message,
    location: locationAt(error.pos[0]),
    length: Math.max(1, error.pos[1] - error.pos[0]),
  }));
  if (diagnostics.length > 0) return { document: undefined, source, diagnostics };
  diagnostics.push(...unsafeNumbers(yaml, locationAt));
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: maximumAliases });
  } catch (error) {
    diagnostics.push({
      message: `aliases expand to too much or point nowhere (${messageOf(error)})`,
      location: { file: path, line: 1, column: 1 },
      length: 1,
    });
  }
  if (diagnostics.length === 0 && !isMap(yaml.contents)) {
    diagnostics.push({
      message: source.trim() === '' ? 'the recipe is empty' : 'a recipe is a map of keys, such as `name:` and `train:`',
      location: { file: path, line: 1, column: 1 },
      length: 1,
    });
  }
  if (diagnostics.length > 0) return { document: undefined, source, diagnostics };
  return {
    document: { path, source, value, locate: (at, what) => locate(yaml, at, what, locationAt) },
    source,
    diagnostics,
  };
}

/** Integers beyond 2^53 silently lose digits; refuse them instead. */
function unsafeNumbers(yaml: YamlDocument, locationAt: (offset: number) => SourceLocation): Diagnostic[] {
  const found: Diagnostic[] = [];
  visit(yaml, {
    Scalar(_key, node) {
      if (typeof node.value !== 'number' || !Number.isInteger(node.value) || Number.isSafeInteger(node.value)) return;
      if (node.range && /^[-+]?\d+$/.test(node.source ?? '')) {
        found.push({
          message: 'this integer is too large to be kept exactly',
          location: locationAt(node.range[0]),
          length: node.range[1] - node.range[0],
        });
      }
    },
  });
  return found;
}

/** Follows a path through maps, sequences, aliases and merge keys, and remembers the last place that exists. */
function locate(
  yaml: YamlDocument,
  path: readonly PropertyKey[],
  what: 'key' | 'value',
  locationAt: (offset: number) => SourceLocation,
): { location: SourceLocation; length: number; exact: boolean } {
  let node = resolve(yaml, yaml.contents as Node | null);
  let place: Node | null = node;
  let exact = true;
  for (const [index, key] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = pairIn(yaml, node.items as readonly Pair<Node, Node | null>[], String(key));
      if (pair === undefined) {
        exact = false;
        break;
      }
      place = last && what === 'key' ? pair.key : (pair.value ?? pair.key);
      node = resolve(yaml, pair.value);
      if (!last && pair.key !== null) place = pair.key;
    } else if (isSeq(node) && typeof key === 'number' && node.items[key] !== undefined) {
      place = node.items[key] as Node;
      node = resolve(yaml, place);
    } else {
      exact = false;
      break;
    }
  }
  const range = place?.range ?? [0, 1, 1];
  return { location: locationAt(range[0]), length: isScalar(place) ? Math.max(1, range[1] - range[0]) : 1, exact };
}

function resolve(yaml: YamlDocument, node: Node | null): Node | null {
  return isAlias(node) ? ((node.resolve(yaml) as Node | undefined) ?? null) : node;
}

function pairIn(
  yaml: YamlDocument,
  items: readonly Pair<Node, Node | null>[],
  key: string,
): Pair<Node, Node | null> | undefined {
  const own = items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
  if (own !== undefined) return own;
  for (const pair of items) {
    // A merge key's value is the symbol `<<`, and its source text is `<<`.
    if (!isScalar(pair.key) || pair.key.source !== '<<') continue;
    const merged = resolve(yaml, pair.value);
    for (const source of isSeq(merged) ? (merged.items as Node[]) : [merged]) {
      const map = resolve(yaml, source);
      const found = isMap(map) ? pairIn(yaml, map.items as readonly Pair<Node, Node | null>[], key) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
