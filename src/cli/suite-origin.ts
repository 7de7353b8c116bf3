import { resolve } from 'node:path';
import { parse } from 'yaml';
import { SecpiError } from '../base/errors.js';
import { type SuiteOrigin, suiteOriginSchema } from '../suites/registry.js';
import type { CliEnvironment } from './environment.js';

/** What follows `--from`: a kind of suite, and a path or its options. */
export type NamedOrigin = readonly [kind: string, value: string];

/**
 * Where a suite comes from, as the command line says it.
 * @throws SecpiError `score/bad-origin`
 */
export function originOf(
  from: NamedOrigin | undefined,
  { workingDirectory }: Pick<CliEnvironment, 'workingDirectory'>,
): SuiteOrigin | undefined {
  if (from === undefined) return undefined;
  const [kind, value] = from;
  const options: unknown = value.startsWith('{') ? mappingIn(value) : resolve(workingDirectory, value);
  const origin = suiteOriginSchema.safeParse({ [kind]: options });
  if (origin.success) return origin.data;
  throw new SecpiError('score/bad-origin', `--from ${kind}: ${origin.error.issues[0]?.message ?? 'is wrong'}`, {
    hint: `Kinds of suites: ${Object.keys(suiteOriginSchema.shape).join(', ')}.`,
    exitCode: 2,
  });
}

/** Options of a kind that wants more than a path, as a recipe has them: `{extract: last}`. */
function mappingIn(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}
