import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$SECPI_CACHE`, else `$XDG_CACHE_HOME/secpi`, else `~/.cache/secpi`. */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  if (environment.SECPI_CACHE) return environment.SECPI_CACHE;
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'secpi');
}
