import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { clip } from '../base/clip.js';
import { type Complaint, complaintsOf } from './issue-diagnostics.js';
import { type Override, readPath } from './override.js';
import { dotted } from './path.js';
import { maximumDepth } from './yaml-tree.js';

/** Runs that one recipe stands for: for each path (as in `--set`) the values that it takes, in all combinations. */
export const matrixSchema = z.record(z.string(), z.array(z.unknown()).min(1));

/** More is a mistake, or somebody else's attempt to keep this machine busy. */
const maximumMembers = 256;
const maximumAxes = 16;
/** All expanded recipes together, in characters of JSON: each of them is checked, and a recipe may be a mebibyte long. */
const maximumExpanded = 4 * 1024 * 1024;

/** One key of the matrix. */
interface Axis {
  /** The path as it stands in the recipe. */
  readonly name: string;
  readonly values: readonly Override[];
}

/** One combination. */
export interface Combination {
  /** `train.learning_rate=0.0001,seed=1`: no two of one matrix are called the same. */
  readonly name: string;
  readonly overrides: readonly Override[];
  /** The value of each axis, as words short enough for a table. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The combinations that a `matrix` stands for, the last axis changing fastest; or what is wrong with it. `below` is the rest of the
 * recipe, and `given` what was put on top of it from the command line.
 */
export function readMatrix(
  written: unknown,
  { below, given }: { readonly below: unknown; readonly given: readonly Override[] },
): { readonly combinations: readonly Combination[]; readonly complaints: readonly Complaint[] } {
  const form = z.object({ matrix: matrixSchema });
  const read = form.safeParse({ matrix: written }, { reportInput: true });
  if (!read.success) return { combinations: [], complaints: complaintsOf(read.error.issues, form) };
  const entries = Object.entries(read.data.matrix);
  const tooMany = excessOf(entries, below);
  if (tooMany !== undefined) return { combinations: [], complaints: [complaint([], 'key', tooMany)] };
  const complaints: Complaint[] = [];
  const axes: Axis[] = [];
  for (const [name, values] of entries) {
    const axis = readAxis(name, values, [...axes, ...given.map((override) => ({ name: '--set', values: [override] }))]);
    if ('values' in axis) axes.push(axis);
    else complaints.push(axis);
  }
  return complaints.length > 0 ? { combinations: [], complaints } : { combinations: combinationsOf(axes), complaints };
}

function excessOf(entries: readonly (readonly [string, readonly unknown[]])[], below: unknown): string | undefined {
  if (entries.length === 0) return '`matrix` has no axis';
  if (entries.length > maximumAxes) return `\`matrix\` has ${entries.length} axes; at most ${maximumAxes} are allowed`;
  const members = entries.reduce((product, [, values]) => product * values.length, 1);
  if (members > maximumMembers) {
    return `\`matrix\` stands for ${members} combinations; at most ${maximumMembers} are allowed`;
  }
  const lengthOf = (value: unknown): number => JSON.stringify(value)?.length ?? 0;
  const longest = entries.map(([, values]) => Math.max(...values.map(lengthOf)));
  const expanded = members * longest.reduce((sum, length) => sum + length, lengthOf(below));
  return expanded > maximumExpanded ? `a recipe as long as this one cannot have ${members} combinations` : undefined;
}

/** `others`: axes before it, and what was given on the command line; what it would hide, or be hidden by, is a mistake. */
function readAxis(name: string, values: readonly unknown[], others: readonly Axis[]): Axis | Complaint {
  const head = readPath(name);
  const bad = (message: string, hint?: string): Complaint => complaint([name], 'key', message, hint);
  if (head === undefined || head.end !== name.length || head.path.length > maximumDepth) {
    return bad(`\`${clip(name, 80)}\` is no path`, 'An axis is a path as in --set, such as `train.learning_rate`.');
  }
  const { path } = head;
  const [first] = path;
  if (first === 'extends' || first === 'matrix') return bad(`\`${first}\` cannot be an axis`);
  for (const other of others) {
    const [theirs] = other.values;
    if (theirs === undefined) continue;
    if (theirs.place === undefined && !isWithin(theirs.path, path)) continue;
    if (!isWithin(theirs.path, path) && !isWithin(path, theirs.path)) continue;
    if (theirs.place !== undefined) return bad(`the axes \`${other.name}\` and \`${name}\` change the same field`);
    const hint = `Give the axis itself other values: --set 'matrix.${quotedKey(name)}=[…]'.`;
    return bad(`--set ${theirs.shown} would change nothing: \`${name}\` is an axis of \`matrix\``, hint);
  }
  for (const [index, value] of values.entries()) {
    const same = values.findIndex(
      (earlier, at) => isDeepStrictEqual(earlier, value) || valueName(earlier, at) === valueName(value, index),
    );
    if (same < index) return complaint([name, index], 'value', `\`${name}\` has this value twice`);
  }
  return {
    name,
    values: values.map((value, index) => ({
      shown: `${dotted(path)}=${valueName(value, index)}`,
      place: ['matrix', name, index],
      path,
      value,
    })),
  };
}

/** Whether the first path leads to what the second one leads to, or to something in it. */
function isWithin(path: Override['path'], container: Override['path']): boolean {
  return container.every((part, index) => path.length > index && String(path[index]) === String(part));
}

function combinationsOf([axis, ...further]: readonly Axis[]): readonly Combination[] {
  if (axis === undefined) return [{ name: '', overrides: [], labels: {} }];
  const rest = combinationsOf(further);
  return axis.values.flatMap((override, index) =>
    rest.map(({ name, overrides, labels }) => ({
      name: [override.shown, ...(name === '' ? [] : [name])].join(','),
      overrides: [override, ...overrides],
      labels: { [axis.name]: valueName(override.value, index), ...labels },
    })),
  );
}

/** Texts that a value of another kind has for its name. */
const taken = new Set(['true', 'false', 'null', 'NaN', 'Infinity']);
const plainWord = /^[A-Za-z_][\w./@:+-]{0,39}$/;

/** A value in the name of a member: a number or plain word as it is, anything else by its number in the list, from 1. */
function valueName(value: unknown, index: number): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  const isPlain = typeof value === 'string' && plainWord.test(value) && !taken.has(value);
  return isPlain ? value : `#${index + 1}`;
}

function quotedKey(name: string): string {
  return /^\w+$/.test(name) ? name : `"${name}"`;
}

function complaint(path: Complaint['path'], what: Complaint['what'], message: string, hint?: string): Complaint {
  return { path: ['matrix', ...path], what, words: () => ({ message, hint }) };
}
