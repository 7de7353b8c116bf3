import { SecpiError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { readMatrix } from '../recipe/matrix.js';
import type { Override } from '../recipe/override.js';
import { type LoadedValue, Move, type PortableRecipe, printableYaml, UNPRINTABLE } from './portable-recipe.js';

/** A recipe with a matrix that can be carried to another machine. */
export interface PortableSweep extends PortableRecipe {
  /** What its members are called there, in the order that they have here. A file that is the value of an axis has another name there. */
  readonly members: readonly string[];
}

interface LoadedSweepValue extends Pick<LoadedValue, 'schema'> {
  readonly members: readonly (Omit<LoadedValue, 'schema'> & { readonly overrides: readonly Override[] })[];
  readonly common: { readonly written: Json; readonly expanded: unknown };
}

/**
 * As `portableRecipe`, with the matrix still in it. Every member means there what it meant here; files and variables are those of all
 * members, since one that is started reads the whole recipe.
 *
 * @throws SecpiError `export/bad-matrix`
 */
export function portableSweep({ schema, members, common }: LoadedSweepValue): PortableSweep {
  const move = new Move(schema);
  for (const { written, value } of members) move.moved(written, value);
  // What follows names files that no member reads, if an axis hides one: they need not be there.
  const { inputs, variables } = move;
  const axes = new Map<string, Json[]>();
  for (const { value, overrides } of members) {
    for (const { place: [, axis = '', index] = [], path, value: written } of overrides) {
      const values = axes.get(String(axis)) ?? [];
      values[Number(index)] ??= move.moved(written as Json, entryAt(value, path), path);
      axes.set(String(axis), values);
    }
  }
  const matrix = Object.fromEntries(axes);
  const below = move.moved(common.written, common.expanded) as Readonly<Record<string, Json>>;
  const { combinations, complaints } = readMatrix(matrix, { below, given: [] });
  const names = combinations.map(({ name }) => name);
  const [complaint] = complaints;
  if (complaint !== undefined) throw badMatrix(complaint.words().message);
  if (names.some((name) => UNPRINTABLE.test(name))) throw badMatrix('the name of an axis cannot be printed');
  return { text: printableYaml({ ...below, matrix }), inputs, variables, members: names };
}

function entryAt(value: unknown, path: Override['path']): unknown {
  return path.reduce<unknown>(
    (entry, key) => (entry as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    value,
  );
}

function badMatrix(why: string): SecpiError {
  return new SecpiError('export/bad-matrix', `the matrix cannot be carried to another machine: ${why}`, {
    hint: 'Export one member with `--member`.',
    exitCode: 2,
  });
}
