import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { SecpiError } from '../../base/errors.js';
import { startProcess } from '../../base/processes/child-process.js';
import { wellFormed } from '../../base/well-formed.js';
import { type AgentLine, agentLineSchema } from '../jobs/job.js';

export interface AgentProcess {
  /** Runs the agent, here or through something that reaches it. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly request: object;
  /** Its stdin stays open until this process is gone, which it is to notice. */
  readonly hold?: boolean;
  /** Given its stdin, for what follows the request; only with `hold`. */
  readonly onStdin?: (stdin: Writable) => void;
  readonly signal: AbortSignal;
}

/** How it ended, and the last that it printed to stderr. */
export interface AgentEnd {
  readonly exitCode: number | null;
  readonly said: string;
}

const complaintBytes = 4096;

/**
 * Starts an agent and gives what it says until it ends, then how it ended. Whoever stops reading stops it.
 *
 * @throws SecpiError what the agent says is wrong; `process/not-found` and the like; the signal's reason.
 */
export async function* askAgent(agent: AgentProcess): AsyncGenerator<AgentLine, AgentEnd, undefined> {
  const child = await startProcess({
    argv: agent.argv,
    cwd: '/',
    env: agent.env,
    stdin: { text: `${JSON.stringify(agent.request)}\n`, hold: agent.hold ?? false },
    stdout: 'stream',
    stderr: { capture: { limitBytes: complaintBytes, overflow: 'keep-tail' } },
    graceSeconds: 1,
    signal: agent.signal,
  });
  try {
    if (child.stdout === null || child.stdin === null) throw new TypeError('its pipes were asked for');
    agent.onStdin?.(child.stdin);
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      const said = understood(line);
      if (said?.type === 'error') throw complaint(said);
      if (said !== undefined) yield said;
    }
    const { exitCode, stderr } = await child.exited;
    agent.signal.throwIfAborted();
    return { exitCode, said: stderr.trim() };
  } finally {
    await child.stop();
  }
}

/** What an agent says is wrong. */
export function complaint({ code, message, hint }: Extract<AgentLine, { type: 'error' }>): SecpiError {
  return new SecpiError(code, message, hint === '' ? {} : { hint });
}

/** What is no line of an agent's, a greeting of a login shell say, is passed over. */
export function understood(line: string): AgentLine | undefined {
  try {
    return agentLineSchema.parse(wellFormed(JSON.parse(line)));
  } catch {
    return undefined;
  }
}
