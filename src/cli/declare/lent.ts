import type { CliEnvironment } from '../environment.js';
import type { WhenUnheard } from '../unheard.js';

/** What `main.ts` lends to the commands that are declared in this folder. */
export interface Lent {
  /** Runs a command, and turns what becomes of it into an exit code. */
  readonly finish: (run: (environment: CliEnvironment) => Promise<number>, whenUnheard?: WhenUnheard) => Promise<void>;
  /** A command's own options with those that all commands share. */
  readonly withGlobal: <Own extends object>(options: Own) => Own;
}

/** What stands below a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ secpi ${line}`).join('\n')}`;
}
