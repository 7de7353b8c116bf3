import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import type { Path } from './path.js';
import { maximumDepth } from './yaml-tree.js';
import { halfCharacter, readValue } from './yaml-value.js';

/** A `--set a.b=c` from the command line, or a value of the recipe's own `matrix`. */
export interface Override {
  /** As it was given, without what is too long to be shown. */
  readonly shown: string;
  /** Where its value stands in the recipe, if it was not given on the command line. */
  readonly place?: Path;
  /** `[0]` is a number and means a list item; `0` is a text and means whatever has such an entry. */
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/**
 * Reads `a.b=c`. The path is keys joined by dots; a key with a dot in it stands in quotes as in YAML, a list item is named by
 * its number, `a.0` or `a[0]`. The value is YAML, so `3`, `true`, `[a, b]` and `{k: v}` mean what they mean in a recipe.
 * Throws `recipe/bad-override`.
 */
export function parseOverride(text: string): Override {
  const shown = clip(text, 200);
  const fail = (message: string, hint?: string) =>
    new SecpiError('recipe/bad-override', message, { exitCode: 2, hint });
  if (!text.isWellFormed()) throw fail(`--set ${shown.toWellFormed()}: ${halfCharacter}`);
  const head = readPath(text);
  if (head === undefined || text[head.end] !== '=') {
    throw fail(`--set ${shown} is not of the form a.b=value`, 'For example: --set train.learning_rate=1e-4');
  }
  if (head.path.length > maximumDepth) throw fail(`the path of --set ${shown} is more than ${maximumDepth} keys long`);
  const value = head.end + '='.length;
  const { root, troubles } = readValue(text.slice(value));
  const [trouble] = troubles.toSorted((a, b) => a.start - b.start);
  if (trouble !== undefined) {
    const at = value + trouble.start + 1;
    throw fail(`the value of --set ${shown} is wrong at character ${at}: ${clip(trouble.message, 200)}`, trouble.hint);
  }
  return { shown, path: head.path, value: root?.value ?? null };
}

/** The path that a text begins with, and where it ends; nothing where it begins with none. */
export function readPath(text: string): { readonly path: Override['path']; readonly end: number } | undefined {
  const path: (string | number)[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  do {
    const quoted = take(/"[^"\\]*(?:\\.[^"\\]*)*"/sy) ?? take(/'[^']*(?:''[^']*)*'/sy);
    const key = quoted === undefined ? take(/[^.=["'][^.=[]*/sy) : unquoted(quoted);
    if (key === undefined) return undefined;
    path.push(key);
    for (let item = take(/\[\d+\]/y); item !== undefined; item = take(/\[\d+\]/y)) path.push(Number(item.slice(1, -1)));
  } while (take(/\./y) !== undefined);
  return { path, end: at };
}

function unquoted(text: string): string | undefined {
  const { root, troubles } = readValue(text);
  return troubles.length === 0 && typeof root?.value === 'string' ? root.value : undefined;
}
