import { dirname, relative, resolve } from 'node:path';
import type * as z from 'zod';
import { type Sha256, sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { type Mistake, RecipeError } from './diagnostic.js';
import { type RecipeDocument, readDocument } from './document.js';
import { expand } from './expand.js';
import { type Complaint, complaintsOf } from './issue-diagnostics.js';
import { type AppliedOverride, applyOverride, type Mapping, mergeInto } from './layers.js';
import { readMatrix } from './matrix.js';
import { ofOverride, Placement } from './origins.js';
import { type Override, parseOverride } from './override.js';
import { type Path, PathSet } from './path.js';
import type { Place } from './place.js';

export interface LoadOptions<T> {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** Texts of the form `a.b=value`, later ones win. */
  readonly overrides?: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What paths given with `--set` are relative to. */
  readonly workingDirectory: string;
  /** A variable that is not set is no mistake: its field gets a value that means nothing. For whoever asks nobody and starts nothing. */
  readonly standIns?: boolean;
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

/** One of the recipes that a recipe with a `matrix` stands for: the same as if its values had been given with `--set`. */
export interface LoadedMember<T> extends LoadedRecipe<T> {
  /** `train.learning_rate=0.0001,seed=1`; empty for the one of a recipe without a matrix. */
  readonly member: string;
  /** What each axis of the matrix is in this one, in words short enough for a table. */
  readonly labels: Readonly<Record<string, string>>;
  /** What the matrix has put on top, one for each axis; `place` says which value of which axis. */
  readonly overrides: readonly Override[];
}

/** All that a recipe stands for, and what its members have in common. */
export interface LoadedSweep<T> {
  readonly members: readonly LoadedMember<T>[];
  /**
   * The recipe without its matrix, before and after variables and paths were filled in. Not checked: a matrix may have what is missing in
   * it, and hide what is wrong.
   */
  readonly common: { readonly written: Json; readonly expanded: unknown };
}

/** Mistakes of all members that are looked at before the others are not checked any more. */
const maximumMistakes = 200;

/**
 * Reads a recipe with everything it extends and every override, checks it against the schema and reports **all** mistakes
 * with their places. Throws `RecipeError` or `recipe/bad-override` (exit code 2); never writes anything. A recipe with a
 * `matrix` is a mistake here: see `loadMembers`.
 */
export async function loadRecipe<T>(options: LoadOptions<T>): Promise<LoadedRecipe<T>> {
  const [first, ...others] = await loadMembers(options);
  if (first === undefined || others.length > 0 || first.member !== '') {
    throw new TypeError('a recipe with a matrix was loaded as if it were one');
  }
  const { value, written, sha256, files } = first;
  return { value, written, sha256, files };
}

/**
 * Reads a recipe as `loadRecipe` does, and expands its `matrix`: every combination is checked as if it had been written out, and what is
 * wrong with any of them is told at once. Without a matrix there is one member, without a name.
 */
export async function loadMembers<T>(options: LoadOptions<T>): Promise<readonly LoadedMember<T>[]> {
  return (await loadSweep(options)).members;
}

/** As `loadMembers`, with what the members have in common. */
export async function loadSweep<T>(options: LoadOptions<T>): Promise<LoadedSweep<T>> {
  const overrides = (options.overrides ?? []).map(parseOverride);
  const { documents, sources, mistakes } = await readChain(options);
  if (mistakes.length > 0) throw new RecipeError(mistakes, sources);

  const { written, matrix, applied, misplaced } = merged(documents, overrides);
  const common = new Placement(documents, applied);
  const { combinations, complaints } =
    matrix === undefined ? noMatrix : readMatrix(matrix, { below: written, given: overrides });
  const known = [...misplaced, ...complaints.map((one) => common.mistake(one))];
  if (complaints.length > 0) throw new RecipeError(known, sources);

  const members: LoadedMember<T>[] = [];
  const found = new MistakesOfMembers();
  for (const { name, overrides: chosen, labels } of combinations) {
    const { own, put, unfit } = withChosen(written, chosen);
    const result = checked(own, options, common.with(put));
    found.add(name, [...unfit.map((one) => common.mistake(one)), ...('mistakes' in result ? result.mistakes : [])]);
    if (found.size >= maximumMistakes) break;
    if ('mistakes' in result) continue;
    members.push({
      value: result.value,
      written: own as Json,
      sha256: sha256Json(own as Json),
      files: documents.map((document) => document.path),
      member: name,
      labels,
      overrides: chosen,
    });
  }
  if (known.length + found.size > 0) throw new RecipeError([...known, ...found.all()], sources);
  return { members, common: { written: written as Json, expanded: expanded(written, options, common).value } };
}

const noMatrix: ReturnType<typeof readMatrix> = {
  combinations: [{ name: '', overrides: [], labels: {} }],
  complaints: [],
};

/** A copy of the merged recipe with the values of one combination put on top. */
function withChosen(written: Mapping, chosen: readonly Override[]) {
  const own: Mapping = {};
  mergeInto(own, written);
  const put: AppliedOverride[] = [];
  const unfit: Complaint[] = [];
  for (const override of chosen) {
    const outcome = applyOverride(own, override);
    if (typeof outcome !== 'string') put.push(outcome);
    else unfit.push({ path: override.place?.slice(0, 2) ?? [], what: 'key', words: () => ({ message: outcome }) });
  }
  return { own, put, unfit };
}

/** Holds a merged recipe against the schema, with variables and paths filled in. */
function checked<T>(
  written: Mapping,
  options: LoadOptions<T>,
  placement: Placement,
): { readonly value: T } | { readonly mistakes: readonly Mistake[] } {
  const { schema } = options;
  const expansion = expanded(written, options, placement);
  const result = schema.safeParse(expansion.value, { reportInput: true });
  // A value that could not be filled in is not also wrong in its type.
  const told = new PathSet();
  for (const { path } of expansion.complaints) told.add(path);
  const further = result.success ? [] : complaintsOf(result.error.issues, schema);
  const untold = further.filter(({ path, what }) => what === 'key' || !told.has(path));
  const complaints = [...expansion.complaints, ...untold];
  if (complaints.length === 0 && result.success) return { value: result.data };
  return { mistakes: complaints.map((complaint) => placement.mistake(complaint)) };
}

/** Fills in variables and paths, each relative to where it stands. */
function expanded(
  written: Mapping,
  { schema, environment, workingDirectory, standIns = false }: LoadOptions<unknown>,
  placement: Placement,
): ReturnType<typeof expand> {
  const folderOf = (path: Path): string => {
    const document = placement.documentOf(path);
    return document === undefined ? workingDirectory : dirname(resolve(workingDirectory, document.path));
  };
  return expand(written, { schema, environment, folderOf, standIns });
}

/** What is wrong with the members of a matrix: each mistake once, with the first combination that has it unless all have it. */
class MistakesOfMembers {
  readonly #found = new Map<string, { readonly mistake: Mistake; readonly member: string; count: number }>();
  #members = 0;

  get size(): number {
    return this.#found.size;
  }

  add(member: string, mistakes: readonly Mistake[]): void {
    this.#members += 1;
    for (const mistake of mistakes) {
      const { location, words } = mistake;
      // Without a matrix there is nothing to compare with, and no need for words that nobody may see.
      const key = member === '' ? String(this.#found.size) : JSON.stringify([location, words().message]);
      const known = this.#found.get(key);
      if (known === undefined) this.#found.set(key, { mistake, member, count: 1 });
      else known.count += 1;
      if (member !== '' && this.#found.size >= maximumMistakes) return;
    }
  }

  all(): readonly Mistake[] {
    return [...this.#found.values()].map(({ mistake, member, count }) => {
      if (count === this.#members) return mistake;
      const words = (): ReturnType<Mistake['words']> => {
        const { message, hint } = mistake.words();
        return { message: `with ${member}: ${message}`, hint };
      };
      return { ...mistake, words };
    });
  }
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
  const { matrix } = written;
  delete written.extends;
  delete written.matrix;
  return { written, matrix, applied, misplaced };
}
