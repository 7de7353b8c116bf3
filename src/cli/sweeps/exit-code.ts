import { interruptedExitCode } from '../../engine/runs/exit-code.js';

const LEFT = interruptedExitCode('leave');

/** The exit code of a sweep: an interruption, or leaving, ends all, and a member that failed is worse than one that a gate has stopped. */
export function exitCodeOfAll(members: readonly number[]): number {
  const troubles = new Set(members.filter((code) => code !== 0));
  const interruption = [...troubles].find((code) => code === LEFT || code > 128);
  if (interruption !== undefined) return interruption;
  const [only = 0] = troubles;
  return troubles.size <= 1 ? only : 1;
}
