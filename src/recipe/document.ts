import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import { ifThere } from '../base/files/if-there.js';
import { systemCode } from '../base/files/system-code.js';
import { sentenceOf } from '../base/files/system-error.js';
import type { Mistake } from './diagnostic.js';
import { isMapping, type Mapping } from './layers.js';
import type { Path } from './path.js';
import { type Place, placesIn, type Stretch, type Trouble } from './place.js';
import { type PlacedValue, readValue } from './yaml-value.js';

/** A recipe is read by people; anything longer is a mistake (a dataset given as a recipe, say). */
const maximumBytes = 1024 * 1024;

/** One parsed YAML file that can tell where each of its values stands. */
export interface RecipeDocument {
  readonly path: string;
  readonly value: Mapping;
  /** The place of the value at a path, of its key, or of the nearest parent that exists. */
  locate(path: Path, what: 'key' | 'value'): Place;
}

const STARTER = '`secpi init` writes a recipe to start from.';

/** A file that was read: a document, or what is wrong with it. */
export interface ReadDocument {
  readonly document?: RecipeDocument;
  readonly source: string;
  readonly mistakes: readonly Mistake[];
}

/** Reads one YAML file; messages call it `shown`. `referredFrom` is where another recipe names it, if one does. */
export async function readDocument(path: string, shown: string, referredFrom?: Place): Promise<ReadDocument> {
  const fail = (message: string, hint?: string): ReadDocument => ({
    source: '',
    // The mistake stands where the file is named: in another recipe, or on the command line.
    mistakes: [
      { location: referredFrom?.location, length: referredFrom?.length ?? 1, words: () => ({ message, hint }) },
    ],
  });
  const name = clip(shown, 200);
  const unreadable = (error: unknown): never => {
    throw new SecpiError('recipe/unreadable', `cannot read ${name}: ${sentenceOf(error)}`, { exitCode: 2 });
  };
  const info = await ifThere(stat(path)).catch((error: unknown) =>
    // No file has a name that long.
    systemCode(error) === 'ENAMETOOLONG' ? undefined : unreadable(error),
  );
  if (info === undefined) return fail(`there is no file ${name}`, STARTER);
  if (!info.isFile()) return fail(`${name} is not a file`);
  if (info.size > maximumBytes) {
    return fail(
      `${name} has ${info.size} bytes; a recipe has at most ${maximumBytes}`,
      'Was a dataset meant? Name it under `collect.sources`.',
    );
  }
  const bytes = await readFile(path).catch(unreadable);
  if (bytes.includes(0)) return fail(`${name} is not a text file`);
  const source = new TextDecoder().decode(bytes);
  return isUtf8(bytes) ? parseRecipe(shown, source) : refusal(shown, source, [notUtf8(bytes)]);
}

/** Parses YAML text; `path` is only used in messages. */
export function parseRecipe(path: string, source: string): ReadDocument {
  const { root, troubles } = readValue(source);
  if (troubles.length > 0) return refusal(path, source, troubles);
  if (root === undefined)
    return refusal(path, source, [{ message: 'the recipe is empty', hint: STARTER, start: 0, end: 1 }]);
  const { value } = root;
  if (!isMapping(value)) {
    const message = 'a recipe is a map of keys, such as `name:` and `train:`';
    return refusal(path, source, [{ message, start: root.start, end: root.end }]);
  }
  const placeOf = placesIn(path, source);
  const locate = (at: Path, what: 'key' | 'value') => placeOf(stretchAt(root, at, what));
  return { document: { path, value, locate }, source, mistakes: [] };
}

function refusal(path: string, source: string, troubles: readonly Trouble[]): ReadDocument {
  const placeOf = placesIn(path, source);
  const mistakes = troubles.map(({ message, hint, ...stretch }) => ({
    ...placeOf(stretch),
    words: () => ({ message, hint }),
  }));
  return { source, mistakes };
}

/** Text in Latin-1, say. */
function notUtf8(bytes: Uint8Array): Trouble {
  // What the bytes say, with U+FFFD for each that says nothing.
  const written = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  let same = 0;
  while (written[same] === bytes[same]) same += 1;
  // The replacement may begin like what it replaces: only whole characters before it are good. A byte order mark is none.
  const good = new TextDecoder().decode(bytes.subarray(0, same), { stream: true });
  return {
    message: 'this is not UTF-8 text',
    hint: 'Save the file as UTF-8. What stands here was probably written in another encoding, such as Latin-1.',
    start: good.length,
    end: good.length,
  };
}

/** Follows a path through maps, lists, aliases and merge keys, and gives the last place that exists. */
function stretchAt(root: PlacedValue, path: Path, what: 'key' | 'value'): Stretch {
  let value = root;
  let place: Stretch = root;
  for (const [index, key] of path.entries()) {
    const entry = value.entries?.get(String(key));
    const item = value.items?.[Number(key)];
    if (entry !== undefined) {
      // What is missing inside is missed at the key of what it should be in.
      place = index === path.length - 1 && what === 'value' ? entry.value : entry.key;
      value = entry.value;
    } else if (item !== undefined) {
      place = item;
      value = item;
    } else {
      break;
    }
  }
  return place;
}
