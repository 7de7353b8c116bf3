import { resolve } from 'node:path';

/** The absolute path that an option names. Throws when it was not given. */
export function neededPath<Name extends string>(
  values: { readonly [N in Name]?: string | undefined },
  name: Name,
): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing; see the beginning of this script`);
  return resolve(value);
}
