import type { RunOptions } from './run-options.js';

/** The command that goes on where a run ended: the same one, without forcing what was forced. */
export function continueCommand(
  path: string,
  options: Pick<RunOptions, 'set' | 'from' | 'until' | 'only' | 'keepWork'>,
): string {
  const { set, from, until, only, keepWork } = options;
  const words = [
    ...['secpi', 'run', path],
    ...set.flatMap((override) => ['--set', override]),
    ...(from === undefined ? [] : ['--from', from]),
    ...(until === undefined ? [] : ['--until', until]),
    ...only.flatMap((stage) => ['--only', stage]),
    ...(keepWork === true ? ['--keep-work'] : []),
  ];
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
