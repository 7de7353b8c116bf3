import type * as z from 'zod';
import { clip } from '../base/clip.js';
import { knownKeys } from '../base/schema/schema-walk.js';
import { nearestName } from '../base/suggestion.js';
import type { Mistake } from './diagnostic.js';
import { dotted, type Path } from './path.js';

/** A mistake in the merged recipe, still without a place. */
export interface Complaint extends Pick<Mistake, 'words'> {
  readonly path: Path;
  /** Whether the key or the value at the path is to blame. */
  readonly what: 'key' | 'value';
}

/** Turns zod's issues into complaints a person understands; unions are narrowed to the branch that fits best. */
export function complaintsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): readonly Complaint[] {
  return issues.flatMap((issue) => complaintsOfIssue(issue, [], schema));
}

function complaintsOfIssue(issue: z.core.$ZodIssue, parent: Path, schema: z.ZodType): readonly Complaint[] {
  const path = [...parent, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const words = () => ({
          message: `unknown key \`${clip(key, 80)}\`${path.length === 0 ? '' : ` in \`${dotted(path)}\``}`,
          hint: keyHint(key, knownKeys(schema, path)),
        });
        return { path: [...path, key], what: 'key', words };
      });
    case 'invalid_union': {
      const best = bestBranch(issue.errors, issue.input);
      if (best === undefined) break;
      return best.flatMap((inner) => complaintsOfIssue(inner, path, schema));
    }
    case 'invalid_key':
      return issue.issues.flatMap((inner) => complaintsOfIssue(inner, path, schema));
  }
  const what = issue.code === 'custom' && issue.params?.what === 'key' ? 'key' : 'value';
  return [{ path, what, words: () => wordsFor(issue, path.length === 0 ? 'the recipe' : `\`${dotted(path)}\``) }];
}

/** Words for an issue that is about one value; `name` is what the value is called. */
function wordsFor(issue: z.core.$ZodIssue, name: string): ReturnType<Complaint['words']> {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return { message: `${name} is missing (${expected(issue.expected)})` };
      return { message: `${name} must be ${expected(issue.expected)}, not ${described(issue.input)}` };
    case 'invalid_value': {
      const values = issue.values.map(String);
      const choice = values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
      if (issue.input === undefined) return { message: `${name} is missing (${choice})` };
      const near = typeof issue.input === 'string' ? nearestName(issue.input, values) : undefined;
      return {
        message: `${name} must be ${choice}, not ${described(issue.input)}`,
        hint: near === undefined ? undefined : `Did you mean \`${near}\`?`,
      };
    }
    case 'invalid_union':
      return { message: `${name} has none of the allowed forms` };
    case 'too_small':
    case 'too_big':
      if (issue.origin !== 'number' && issue.origin !== 'int') break;
      return { message: `${name} must be ${limited(issue)}, not ${described(issue.input)}` };
  }
  return { message: `${name}: ${lowerFirst(issue.message)}` };
}
/** A bound in words. */
function limited(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  if (issue.code === 'too_small') return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
}

/** The branch a writer most likely meant: one that got deeper or complains less, and not about the value's basic type. */
function bestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  input: unknown,
): readonly z.core.$ZodIssue[] | undefined {
  const score = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.reduce((sum, issue) => {
      const wrongKind = issue.path.length === 0 && issue.code === 'invalid_type';
      const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys.length : 0;
      const wrongTag = issue.code === 'invalid_value' || issue.input === undefined;
      return sum + (wrongKind ? 100 : 0) + unknownKeys * 3 + (wrongTag ? 4 : 1);
    }, 0);
  if (input === undefined) return branches[0];
  return branches.toSorted((left, right) => score(left) - score(right))[0];
}

function keyHint(key: string, known: readonly string[]): string | undefined {
  const near = nearestName(key, known);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  return known.length === 0 ? undefined : `Known keys here: ${[...new Set(known)].join(', ')}.`;
}

function expected(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map',
    record: 'a map',
  };
  return names[type] ?? type;
}

function described(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return `the text ${JSON.stringify(clip(value, 40))}`;
  return `${typeof value === 'number' ? 'the number ' : ''}${String(value)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
