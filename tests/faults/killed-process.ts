import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const run = promisify(execFile);

/** Makes one file of a program that a test starts hundreds of times, so that it starts quickly. */
export async function buildProgram(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile,
    banner: {
      // By another name: what is bundled may have that one already.
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
}

/** Runs a program that may kill itself: what it printed, nothing if it did. Throws when it failed in any other way. */
export async function printedUnlessKilled(program: string, args: readonly string[]): Promise<string> {
  return run(process.execPath, [program, ...args], { maxBuffer: 2 ** 26 }).then(
    ({ stdout }) => stdout,
    (error: { signal?: string; stderr?: string }) => {
      if (error.signal !== 'SIGKILL') throw new Error(`the program failed: ${error.stderr}`);
      return '';
    },
  );
}
