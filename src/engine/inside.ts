import { join } from 'node:path';
import { SecpiError } from '../base/errors.js';

/**
 * The path of `name` inside `root`. Names are relative, with forward slashes; anything that could leave the folder or mean
 * something else on another system is refused with `engine/name-outside`.
 */
export function resolveInside(root: string, name: string): string {
  const segments = name.split('/');
  const bad = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (bad || name.includes('\\') || name.includes('\0') || /^[A-Za-z]:/.test(name)) {
    throw new SecpiError('engine/name-outside', `${JSON.stringify(name)} does not name a file inside its folder`, {
      hint: 'Use a relative name with forward slashes, without "." and "..".',
    });
  }
  return join(root, ...segments);
}
