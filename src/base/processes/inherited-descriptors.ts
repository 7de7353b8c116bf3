import { readdirSync, readFileSync } from 'node:fs';

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors of a process (its folder in /proc) that are open without close-on-exec. Node passes on to every child what its own
 * parent left open above 15 (measured; it sees to the others itself). None where there is no /proc.
 */
export function inheritedDescriptors(folder: string): readonly number[] {
  try {
    return readdirSync(`${folder}/fd`)
      .map(Number)
      .filter((fd) => survivesExec(`${folder}/fdinfo/${fd}`));
  } catch {
    return []; // not Linux
  }
}

function survivesExec(path: string): boolean {
  try {
    const [, flags = ''] = readFileSync(path, 'utf8').split('flags:');
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // the descriptor of readdir itself
  }
}

/** A child's descriptors, with `nothing` in the place of each that it would inherit otherwise. */
export function coverDescriptors<T>(stdio: readonly T[], inherited: readonly number[], nothing: T): (T | 'ignore')[] {
  const length = Math.max(stdio.length, ...inherited.map((fd) => fd + 1));
  return Array.from({ length }, (_, fd) => stdio[fd] ?? (inherited.includes(fd) ? nothing : 'ignore'));
}
