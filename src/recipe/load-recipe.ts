import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { type Sha256, sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { traitsOf } from '../base/schema/field-traits.js';
import { schemasAt } from '../base/schema/schema-walk.js';
import { type Diagnostic, RecipeError } from './diagnostic.js';
import { type RecipeDocument, readDocument } from './document.js';
import { type Complaint, complaintsOf, dotted } from './issue-diagnostics.js';
import { isMapping, mergeLayers, type Override, originOf, overrideLayer, parseOverride } from './layers.js';

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
 * with their places. Throws `RecipeError` (exit code 2); never writes anything.
 */
export async function loadRecipe<T>(options: LoadOptions<T>): Promise<LoadedRecipe<T>> {
  const overrides = (options.overrides ?? []).map(parseOverride);
  const { documents, sources, diagnostics } = await readChain(options);
  if (diagnostics.length > 0) throw new RecipeError(diagnostics, sources);

  const layers = [...documents.map((document) => document.value).reverse(), ...overrides.map(overrideLayer)];
  const written = layers.reduce<unknown>(mergeLayers, {});
  if (isMapping(written)) delete written.extends;

  const place = (complaint: Complaint): Diagnostic => placed(complaint, documents, overrides);
  const expansion = await expand(written, options, documents, overrides);
  const result = options.schema.safeParse(expansion.value, { reportInput: true });
  // A value that could not be filled in is not also wrong in its type.
  const told = new Set(expansion.complaints.map((complaint) => dotted(complaint.path)));
  const further = result.success ? [] : complaintsOf(result.error.issues, options.schema);
  const complaints = [...expansion.complaints, ...further.filter((complaint) => !told.has(dotted(complaint.path)))];
  if (complaints.length > 0 || !result.success) throw new RecipeError(complaints.map(place), sources);
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
  const shown = (path: string): string => {
    const short = relative(options.workingDirectory, path);
    return short.startsWith('..') || short === '' ? path : short;
  };
  let next: string | undefined = resolve(options.workingDirectory, options.path);
  let referredFrom: { location: { file: string; line: number; column: number }; length: number } | undefined;
  const seen = new Set<string>();
  while (next !== undefined) {
    if (seen.has(next) || seen.size >= maximumExtends) {
      const message = seen.has(next)
        ? `${shown(next)} extends itself`
        : `more than ${maximumExtends} recipes extend each other`;
      return {
        documents,
        sources,
        diagnostics: [{ message, location: referredFrom?.location, length: referredFrom?.length ?? 1 }],
      };
    }
    seen.add(next);
    const { document, source, diagnostics } = await readDocument(next, shown(next), referredFrom);
    sources.set(shown(next), source);
    if (document === undefined) return { documents, sources, diagnostics };
    documents.push(document);
    const parent: unknown = isMapping(document.value) ? document.value.extends : undefined;
    if (parent === undefined) break;
    referredFrom = document.locate(['extends'], 'value');
    if (typeof parent !== 'string') {
      const diagnostic = { message: '`extends` must be the path of one recipe', ...referredFrom };
      return { documents, sources, diagnostics: [diagnostic] };
    }
    next = resolve(dirname(next), parent);
  }
  return { documents, sources, diagnostics: [] as readonly Diagnostic[] };
}

/** Replaces `${NAME}` and resolves paths, guided by the schema's field traits. */
async function expand(
  written: unknown,
  options: LoadOptions<unknown>,
  documents: readonly RecipeDocument[],
  overrides: readonly Override[],
): Promise<{ value: unknown; complaints: readonly Complaint[] }> {
  const complaints: Complaint[] = [];
  const walk = async (value: unknown, path: readonly PropertyKey[]): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => walk(item, [...path, index])));
    if (isMapping(value)) {
      // Schemas pass over this key, so it would be accepted everywhere and mean nothing.
      if (Object.hasOwn(value, '__proto__')) {
        complaints.push({ path: [...path, '__proto__'], what: 'key', message: 'unknown key `__proto__`' });
      }
      const entries = Object.entries(value).map(
        async ([key, item]) => [key, await walk(item, [...path, key])] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    }
    if (typeof value !== 'string') return value;
    const traits = schemasAt(options.schema, path).map(traitsOf);
    const expanded = expandEnvironment(
      value,
      path,
      traits.some((trait) => trait.environment === true),
      options,
      complaints,
    );
    const kind = traits.find((trait) => trait.path !== undefined)?.path;
    if (kind === undefined || expanded === '') return expanded;
    const origin = originOf(path, documents, overrides);
    const folder =
      origin?.kind === 'document'
        ? dirname(resolve(options.workingDirectory, origin.document.path))
        : options.workingDirectory;
    const absolute = resolve(folder, expanded);
    if (kind === 'input' && (await stat(absolute).catch(() => undefined)) === undefined) {
      complaints.push({
        path,
        what: 'value',
        message: `there is no file ${expanded}`,
        hint: `Looked for ${absolute}.`,
      });
    }
    return absolute;
  };
  return { value: await walk(written, []), complaints };
}

function expandEnvironment(
  text: string,
  path: readonly PropertyKey[],
  allowed: boolean,
  options: LoadOptions<unknown>,
  complaints: Complaint[],
): string {
  return text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    if (!allowed) {
      const hint =
        'Environment variables are read only in endpoint fields; secrets are named by variable, as in `api_key_env: NAME`.';
      complaints.push({ path, what: 'value', message: `\`${dotted(path)}\` may not use ${whole}`, hint });
      return whole;
    }
    const value = options.environment[name];
    if (value === undefined || value === '') {
      complaints.push({
        path,
        what: 'value',
        message: `the environment variable ${name} is not set`,
        hint: `Set it, or write the value of \`${dotted(path)}\` out.`,
      });
      return whole;
    }
    return value;
  });
}

function placed(
  complaint: Complaint,
  documents: readonly RecipeDocument[],
  overrides: readonly Override[],
): Diagnostic {
  const origin = originOf(complaint.path, documents, overrides);
  if (origin?.kind === 'override') {
    return {
      message: `--set ${origin.override.text}: ${complaint.message}`,
      location: undefined,
      length: 0,
      hint: complaint.hint,
    };
  }
  const document = origin?.document ?? documents[0];
  const found = document?.locate(complaint.path, complaint.what);
  return { message: complaint.message, location: found?.location, length: found?.length ?? 1, hint: complaint.hint };
}
