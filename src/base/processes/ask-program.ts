/**
 * Asks a trusted program a short question, such as its version: what it printed, trimmed, or `null` when it is missing,
 * fails, takes longer than `timeoutSeconds` (default 20) or says more than 64 KiB.
 */
export async function askProgram(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutSeconds = 20,
): Promise<string | null> {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError('argv is empty');
  const { execa } = await import('execa'); // only when needed: it costs 100 ms of start-up
  const answer = await execa(program, args, {
    cwd: '/',
    env,
    extendEnv: false,
    stdin: 'ignore',
    stderr: 'ignore',
    timeout: timeoutSeconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 65536,
    reject: false,
  });
  return answer.exitCode === 0 && !answer.isMaxBuffer ? answer.stdout.trim() : null;
}
