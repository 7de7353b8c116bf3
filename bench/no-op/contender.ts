import { execa } from 'execa';

/** A tool with nine finished steps. */
export interface Contender {
  readonly name: string;
  /** What a user types when all may be done already. */
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether this output says that there was nothing to do for any of the nine. */
  readonly saysNothingToDo: (output: string) => boolean;
}

/** Runs the command to its end. Throws when it fails, and with `finished` also when it did anything. */
export async function runOnce(
  { name, command, folder, environment, saysNothingToDo }: Contender,
  { finished }: { readonly finished: boolean },
): Promise<void> {
  const [program, ...args] = command;
  const options = { cwd: folder, env: environment, all: true, reject: false, stdin: 'ignore' } as const;
  const { exitCode, all } = await execa(program, args, options);
  if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}:\n${all}`);
  if (finished && !saysNothingToDo(all)) throw new Error(`${name} does not say that there was nothing to do:\n${all}`);
}
