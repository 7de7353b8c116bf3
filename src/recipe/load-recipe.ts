import { dirname, relative, resolve } from 'node:path';
import type * as z from 'zod';
import { type Sha256, sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { type Mistake, RecipeError } from './diagnostic.js';
import { type RecipeDocument, readDocument } from './document.js';
import { expand } from './expand.js';
import { type Complaint, complaintsOf } from './issue-diagnostics.js';
import { type AppliedOverride, applyOverride, type Mapping, mergeInto } from './layers.js';
import { Origins } from './origins.js';
import { type Override, parseOverride } from './override.js';
import { PathSet } from './path.js';
import type { Place } from './place.js';

export interface LoadOptions<T> {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** Texts of the form `a.b=value`, later ones win. */
  readonly overrides?: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What paths given with `--set` are relative to. */
  readonly workingDirectory: string;
}

export interface LoadedRecipe<T> {
  readonly value: T;
  /** The merged recipe before `${NAME}` was replaced and paths were made absolute: safe to write down. */
  readonly written: Json;
  readonly sha256: Sha256;
  /** The files it was read from, the recipe first, then what it extends. */
  readonly files: readonly string[];
}

const maximumExtends = 8;

/**
 * Reads a recipe with everything it extends and every override, checks it against the schema and reports **all** mistakes
 * with their places. Throws `RecipeError` or `recipe/bad-override` (exit code 2); never writes anything.
 */
export async function loadRecipe<T>(options: LoadOptions<T>): Promise<LoadedRecipe<T>> {
  const overrides = (options.overrides ?? []).map(parseOverride);
  const { documents, sources, mistakes } = await readChain(options);
  if (mistakes.length > 0) throw new RecipeError(mistakes, sources);

  const { written, applied, misplaced } = merged(documents, overrides);
  const origins = new Origins(documents, applied);
  const expansion = expand(written, {
    schema: options.schema,
    environment: options.environment,
    folderOf: (path) => {
      const origin = origins.of(path);
      if (origin.kind !== 'document') return options.workingDirectory;
      return dirname(resolve(options.workingDirectory, origin.document.path));
    },
  });
  const result = options.schema.safeParse(expansion.value, { reportInput: true });
  // A value that could not be filled in is not also wrong in its type.
  const told = new PathSet();
  for (const { path } of expansion.complaints) told.add(path);
  const further = result.success ? [] : complaintsOf(result.error.issues, options.schema);
  const untold = further.filter(({ path, what }) => what === 'key' || !told.has(path));
  const complaints = [...expansion.complaints, ...untold].map((complaint) => placed(complaint, origins));
  if (misplaced.length > 0 || complaints.length > 0 || !result.success) {
    throw new RecipeError([...misplaced, ...complaints], sources);
  }
  return {
    value: result.data,
    written: written as Json,
    sha256: sha256Json(written as Json),
    files: documents.map((document) => document.path),
  };
}

/** The recipe and what it extends, child first. */
async function readChain(options: LoadOptions<unknown>) {
  const documents: RecipeDocument[] = [];
  const sources = new Map<string, string>();
  const ended = (mistakes: readonly Mistake[]) => ({ documents, sources, mistakes });
  const shown = (path: string): string => {
    const short = relative(options.workingDirectory, path);
    return short.startsWith('..') || short === '' ? path : short;
  };
  let next = resolve(options.workingDirectory, options.path);
  let referredFrom: Place | undefined;
  const seen = new Set<string>();
  for (;;) {
    seen.add(next);
    const { document, source, mistakes } = await readDocument(next, shown(next), referredFrom);
    sources.set(shown(next), source);
    if (document === undefined) return ended(mistakes);
    documents.push(document);
    const parent = document.value.extends;
    if (parent === undefined) return ended([]);
    const place = document.locate(['extends'], 'value');
    const failed = (message: string) => ended([{ ...place, words: () => ({ message }) }]);
    if (typeof parent !== 'string') return failed('`extends` must be the path of one recipe');
    next = resolve(dirname(next), parent);
    if (seen.has(next)) return failed(`${shown(next)} extends itself`);
    if (seen.size === maximumExtends) return failed(`more than ${maximumExtends} recipes extend each other`);
    referredFrom = place;
  }
}

/** All layers in one value, from the last recipe that is extended up to the last override. */
function merged(documents: readonly RecipeDocument[], overrides: readonly Override[]) {
  const written: Mapping = {};
  for (const { value } of documents.toReversed()) mergeInto(written, value);
  const applied: AppliedOverride[] = [];
  const misplaced: Mistake[] = [];
  for (const override of overrides) {
    const outcome =
      override.path[0] === 'extends' ? '`extends` can only stand in a recipe' : applyOverride(written, override);
    if (typeof outcome === 'string') misplaced.push(ofOverride(override, () => ({ message: outcome })));
    else applied.push(outcome);
  }
  delete written.extends;
  return { written, applied, misplaced };
}

function placed({ path, what, words }: Complaint, origins: Origins): Mistake {
  const origin = origins.of(path);
  if (origin.kind === 'override') return ofOverride(origin.override, words);
  return { ...origin.document.locate(path, what), words };
}

function ofOverride({ shown }: Override, words: Mistake['words']): Mistake {
  const said = () => {
    const { message, hint } = words();
    return { message: `--set ${shown}: ${message}`, hint };
  };
  return { location: undefined, length: 0, words: said };
}
