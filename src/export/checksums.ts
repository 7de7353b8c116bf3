import type { Sha256 } from '../base/hash.js';

/** A line of what `sha256sum --check` reads: a name that holds a line end or a backslash is escaped, and the line says so in front. */
export function checksumLine(hash: Sha256, name: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${hash}  ${escaped}\n`;
}
