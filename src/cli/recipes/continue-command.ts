import type { StageSummary } from '../../engine/runs/event.js';
import type { RunOptions } from './run-options.js';

type Continued = Pick<RunOptions, 'set' | 'member' | 'from' | 'until' | 'only' | 'force' | 'keepWork'>;

type Outcome = Pick<StageSummary, 'stage' | 'outcome'>;

/** The command that goes on where a run ended, as a person types it. */
export function continueCommand(path: string, options: Continued, stages: readonly Outcome[]): string {
  return ['secpi', ...continueArguments(path, options, stages)].map(quoted).join(' ');
}

/**
 * The arguments that go on where a run ended: the same ones. What was forced and is done is not made a third time; what was forced and is
 * not done would otherwise be taken from before.
 */
export function continueArguments(
  path: string,
  { set, member, from, until, only, force, keepWork }: Continued,
  stages: readonly Outcome[],
): readonly string[] {
  const done = new Set(stages.filter(({ outcome }) => outcome === 'done').map(({ stage }) => stage));
  return [
    ...['run', path],
    ...set.flatMap((override) => ['--set', override]),
    ...member.flatMap((name) => ['--member', name]),
    ...(from === undefined ? [] : ['--from', from]),
    ...(until === undefined ? [] : ['--until', until]),
    ...only.flatMap((stage) => ['--only', stage]),
    ...force.filter((stage) => !done.has(stage)).flatMap((stage) => ['--force', stage]),
    ...(keepWork === true ? ['--keep-work'] : []),
  ];
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
