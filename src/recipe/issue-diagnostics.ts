import type { z } from 'zod';
import { knownKeys } from '../base/schema/schema-walk.js';
import { nearestName } from '../base/suggestion.js';

type Path = readonly PropertyKey[];

/** A zod issue in our words, still without a place. */
export interface Complaint {
  readonly path: Path;
  /** Whether the key or the value at the path is to blame. */
  readonly what: 'key' | 'value';
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Turns zod's issues into complaints a person understands; unions are narrowed to the branch that fits best. */
export function complaintsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): readonly Complaint[] {
  return issues.flatMap((issue) => complaintsOfIssue(issue, [], schema));
}

function complaintsOfIssue(issue: z.core.$ZodIssue, parent: Path, schema: z.ZodType): readonly Complaint[] {
  const path = [...parent, ...issue.path];
  const name = path.length === 0 ? 'the recipe' : `\`${dotted(path)}\``;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schema, path);
      return issue.keys.map((key) => ({
        path: [...path, key],
        what: 'key' as const,
        message: `unknown key \`${key}\`${path.length === 0 ? '' : ` in \`${dotted(path)}\``}`,
        hint: keyHint(key, known),
      }));
    }
    case 'invalid_type':
      if (issue.input === undefined)
        return [{ path, what: 'value', message: `${name} is missing (${expected(issue.expected)})` }];
      return [
        { path, what: 'value', message: `${name} must be ${expected(issue.expected)}, not ${described(issue.input)}` },
      ];
    case 'invalid_value': {
      const values = issue.values.map(String);
      if (issue.input === undefined)
        return [{ path, what: 'value', message: `${name} is missing (one of ${values.join(', ')})` }];
      const near = typeof issue.input === 'string' ? nearestName(issue.input, values) : undefined;
      return [
        {
          path,
          what: 'value',
          message: `${name} must be ${values.length === 1 ? values[0] : `one of ${values.join(', ')}`}, not ${described(issue.input)}`,
          hint: near === undefined ? undefined : `Did you mean \`${near}\`?`,
        },
      ];
    }
    case 'invalid_union': {
      const best = bestBranch(issue.errors, issue.input);
      if (best === undefined) return [{ path, what: 'value', message: `${name} has none of the allowed forms` }];
      return best.flatMap((inner) => complaintsOfIssue(inner, path, schema));
    }
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => complaintsOfIssue(inner, path, schema));
    default:
      return [{ path, what: 'value', message: `${name}: ${lowerFirst(issue.message)}` }];
  }
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
      const wrongTag = issue.code === 'invalid_value' || (issue.code === 'invalid_type' && issue.input === undefined);
      return sum + (wrongKind ? 100 : 0) + unknownKeys * 3 + (wrongTag ? 4 : 1);
    }, 0);
  if (input === undefined) return branches[0];
  return [...branches].sort((left, right) => score(left) - score(right))[0];
}

function keyHint(key: string, known: readonly string[]): string | undefined {
  const near = nearestName(key, known);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  return known.length === 0 ? undefined : `Known keys here: ${[...new Set(known)].join(', ')}.`;
}

export function dotted(path: Path): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
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
  if (typeof value === 'string')
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  return `${typeof value === 'number' ? 'the number ' : ''}${String(value)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
