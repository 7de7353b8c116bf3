import { basename } from 'node:path';
import { Document, visit } from 'yaml';
import type { Json } from '../base/json.js';
import { traitsOf } from '../base/schema/field-traits.js';
import { type Schema, schemasAt, schemasOfEntry } from '../base/schema/schema-walk.js';
import { YAML_LAYOUT } from '../base/yaml-layout.js';

/** A file or folder that a recipe reads: where it lies here, and where beside the recipe it has to lie there. */
export interface PortableInput {
  readonly from: string;
  readonly to: string;
}

/** A recipe that can be carried to another machine. */
export interface PortableRecipe {
  /** One document of YAML: nothing is extended, every path leads to `inputs/` or `outputs/` beside it. Printable text. */
  readonly text: string;
  readonly inputs: readonly PortableInput[];
  /** The variables that `${NAME}` refers to, sorted. Their values are not in the text. */
  readonly variables: readonly string[];
}

/** A recipe as it was loaded. */
export interface LoadedValue {
  readonly schema: Schema;
  /** The recipe as it was merged, before anything was filled in. */
  readonly written: Json;
  /** The same after reading: its paths are absolute. */
  readonly value: unknown;
}

/**
 * A recipe as it was understood, with its paths made relative to itself. What a file is called stays, since results may say it. The same
 * recipe gives the same text, wherever its files lie.
 */
export function portableRecipe({ schema, written, value }: LoadedValue): PortableRecipe {
  const move = new Move(schema);
  return { text: printableYaml(move.moved(written, value)), inputs: move.inputs, variables: move.variables };
}

/** Takes values of recipes to another machine: gives every path a place there, one for all values that lead to the same file. */
export class Move {
  readonly #schema: Schema;
  readonly #places = { input: new Map<string, string>(), output: new Map<string, string>() };
  readonly #variables = new Set<string>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** What the values moved so far read. */
  get inputs(): readonly PortableInput[] {
    return [...this.#places.input].map(([from, to]) => ({ from, to }));
  }

  /** The variables that they refer to, sorted. */
  get variables(): readonly string[] {
    return [...this.#variables].sort();
  }

  /** The value that stands at a path of a recipe, as it has to be there. `read` is the same with absolute paths. */
  moved(written: Json, read: unknown, path: readonly PropertyKey[] = []): Json {
    return this.#walk(written, read, schemasAt(this.#schema, path));
  }

  #walk(written: Json, read: unknown, schemas: readonly Schema[]): Json {
    const entry = (item: Json, key: string | number) =>
      this.#walk(
        item,
        (read as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
        schemasOfEntry(schemas, key),
      );
    if (Array.isArray(written)) return written.map(entry);
    if (typeof written === 'object' && written !== null) {
      return Object.fromEntries(Object.entries(written).map(([key, item]) => [key, entry(item, key)]));
    }
    return typeof written === 'string' ? this.#text(written, read, schemas) : written;
  }

  #text(written: string, read: unknown, schemas: readonly Schema[]): string {
    const traits = schemas.map(traitsOf);
    if (traits.some(({ environment }) => environment !== undefined)) {
      for (const [, name = ''] of written.matchAll(/\$\{([^}]*)\}/g)) this.#variables.add(name);
    }
    const kind = traits.find(({ path }) => path !== undefined)?.path;
    return kind === undefined || typeof read !== 'string' || read === '' ? written : this.#placeOf(kind, read);
  }

  #placeOf(kind: 'input' | 'output', absolute: string): string {
    const known = this.#places[kind];
    const place = known.get(absolute) ?? `${kind}s/${known.size + 1}/${basename(absolute)}`;
    known.set(absolute, place);
    return place;
  }
}

/** What readers of YAML do not agree on: control characters, line ends of Unicode, byte order marks, and what is no character. */
export const UNPRINTABLE = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** YAML in which everything unusual is escaped, so that the text can stand inside a script, and that in YAML again. */
export function printableYaml(value: Json): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string' && UNPRINTABLE.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document
    .toString(YAML_LAYOUT)
    .replaceAll(
      new RegExp(UNPRINTABLE, 'gu'),
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}
