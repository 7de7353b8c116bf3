import { relative } from 'node:path';
import type { CliEnvironment } from './environment.js';

/** One line of `--json` output; its `type` says what it is. */
export function writeJson<Line extends { readonly type: string }>(line: Line, environment: CliEnvironment): void {
  environment.stdout.write(`${environment.redact(JSON.stringify(line))}\n`);
}

/** A path as a person would type it here: relative, unless that leads out of this folder. */
export function shownPath(path: string, { workingDirectory }: CliEnvironment): string {
  const short = relative(workingDirectory, path);
  return short === '' || short.startsWith('..') ? path : short;
}
