import * as z from 'zod';
import { SecpiError } from '../base/errors.js';
import { startProcess } from '../base/processes/child-process.js';
import type { Means } from './open-target.js';
import { type Ranks, ranksOf } from './ranks.js';
import type { TargetSpec, TrainingToCome } from './target.js';
import { trainerEnvironment } from './trainer-environment.js';

const answerSchema = z.object({
  outcome: z.enum(['done', 'failed']),
  code: z.string().default('trainer/failed'),
  message: z.string().default('the trainer refuses these settings'),
  hint: z.string().optional(),
});

/** Loading torch from a slow disk on a busy machine takes its time. */
const TIMEOUT_SECONDS = 600;
const LIMIT_BYTES = 64 * 1024;

/**
 * What a training would fail with on a target, as far as this machine can tell hours before: the environment that is not set up here, and
 * what the trainer says of its own settings. For another machine the environment here is asked, if it is there: the same packages are
 * pinned. What an image has, nobody knows before it runs.
 *
 * @returns whether anything could be told.
 * @throws SecpiError `python/not-set-up`, the trainer's own (`trainer/bad-extra`, `trainer/not-with-axolotl`), `trainer/died`; the signal's reason.
 */
export async function checkTraining(
  target: TargetSpec,
  { python: find, variables, answers = new Map() }: Means,
  { packages, spec }: TrainingToCome,
  signal: AbortSignal,
): Promise<boolean> {
  if (target.container !== undefined) return false;
  const isElsewhere = target.ssh !== undefined || target.slurm?.host !== undefined;
  const environment = await find(packages).catch((error: unknown) => {
    if (isElsewhere) return undefined;
    throw error;
  });
  if (environment === undefined) return false;
  if (spec === undefined) return true;
  const { python } = environment;
  const question = JSON.stringify(spec);
  const key = JSON.stringify([python, question, ranksOf(target)]);
  const answer = answers.get(key) ?? ask(python, question, ranksOf(target), variables, signal);
  answers.set(key, answer);
  await answer;
  return true;
}

async function ask(
  python: string,
  question: string,
  { perNode, nodes }: Ranks,
  variables: Means['variables'],
  signal: AbortSignal,
): Promise<void> {
  const child = await startProcess({
    argv: [python, '-m', 'secpi_trainers', 'check', '--ranks', String(perNode), '--nodes', String(nodes)],
    cwd: '/',
    env: trainerEnvironment(python, variables, 1),
    stdin: { text: question },
    stdout: { capture: { limitBytes: LIMIT_BYTES, overflow: 'keep-tail' } },
    stderr: { capture: { limitBytes: LIMIT_BYTES / 16, overflow: 'keep-tail' } },
    signal,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const { stdout, stderr, exitCode } = await child.exited;
  signal.throwIfAborted();
  const answer = answerSchema.safeParse(parsed(stdout)).data;
  if (answer === undefined) {
    throw new SecpiError('trainer/died', `the trainer's check ended without an answer (${exitCode}):\n${stderr}`, {
      hint: `Does ${python} still work? \`secpi doctor\` looks at it.`,
    });
  }
  if (answer.outcome === 'done') return;
  throw new SecpiError(answer.code, answer.message, { hint: answer.hint, exitCode: 2 });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
