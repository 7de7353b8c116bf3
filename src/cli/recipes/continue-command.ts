import type { StageSummary } from '../../engine/runs/event.js';
import type { RunOptions } from './run-options.js';

/**
 * The command that goes on where a run ended: the same one. What was forced and is done is not made a third time; what was forced and is
 * not done would otherwise be taken from before.
 */
export function continueCommand(
  path: string,
  options: Pick<RunOptions, 'set' | 'member' | 'from' | 'until' | 'only' | 'force' | 'keepWork'>,
  stages: readonly Pick<StageSummary, 'stage' | 'outcome'>[],
): string {
  const { set, member, from, until, only, force, keepWork } = options;
  const done = new Set(stages.filter(({ outcome }) => outcome === 'done').map(({ stage }) => stage));
  const words = [
    ...['secpi', 'run', path],
    ...set.flatMap((override) => ['--set', override]),
    ...member.flatMap((name) => ['--member', name]),
    ...(from === undefined ? [] : ['--from', from]),
    ...(until === undefined ? [] : ['--until', until]),
    ...only.flatMap((stage) => ['--only', stage]),
    ...force.filter((stage) => !done.has(stage)).flatMap((stage) => ['--force', stage]),
    ...(keepWork === true ? ['--keep-work'] : []),
  ];
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
