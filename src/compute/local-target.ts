import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { SecpiError } from '../base/errors.js';
import { writeTextAtomic } from '../base/files/atomic-file.js';
import { exists, ifThere, readIfThere } from '../base/files/if-there.js';
import { canonicalJson } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { startProcess } from '../base/processes/child-process.js';
import { wellFormed } from '../base/well-formed.js';
import type { PythonEnvironment } from '../setup/python-environment.js';
import { pythonIdentity } from './python-identity.js';
import type { Target, TargetSpec, TrainerEvent, TrainerJob, TrainerResult } from './target.js';
import { trainerEnvironment } from './trainer-environment.js';

const resultSchema = z.looseObject({
  schema: z.literal(1),
  outcome: z.enum(['done', 'failed', 'stopped']),
  code: z.string().optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
  tools: z.record(z.string(), z.string().nullable()).default({}),
});
type Result = z.infer<typeof resultSchema>;

const eventSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('metric'), step: z.number(), total_steps: z.number() }),
  z.looseObject({ type: z.literal('progress'), done: z.number(), total: z.number(), unit: z.string() }),
  z.looseObject({ type: z.literal('log'), message: z.string() }),
]);

/** How often the event file is looked at. */
const pollMs = 200;
/** A trainer saves a checkpoint before it stops; this is how long it may take. */
const stopGraceSeconds = 120;
const logTailLines = 12;

/** This machine, without a container. */
export function localTarget(
  spec: TargetSpec['local'],
  findPython: () => Promise<PythonEnvironment>,
  environment: Readonly<Record<string, string | undefined>>,
): Target {
  const threads = spec.threads ?? Math.min(4, availableParallelism());
  return {
    environment: () => pythonIdentity(spec.device),
    async runTrainer(job, { signal, onEvent }) {
      signal.throwIfAborted();
      await mkdir(job.work, { recursive: true });
      const jobFile = join(job.work, 'job.json');
      const text = canonicalJson(jobDocument(job, spec.device, threads));
      const finished = await readResult(job.work);
      if (finished?.outcome === 'done' && (await readIfThere(jobFile)) === text && (await exists(job.output)))
        return resultOf(finished);

      await rm(join(job.work, 'result.json'), { force: true });
      await writeTextAtomic(jobFile, text);
      const python = await findPython();
      const eventFile = join(job.work, 'events.jsonl');
      // What an earlier, interrupted process wrote has been reported by that run.
      const reported = (await ifThere(stat(eventFile)))?.size ?? 0;
      const logFile = join(job.work, 'log.txt');
      const child = await startProcess({
        argv: [python.python, '-m', 'secpi_trainers', job.command, '--job', jobFile],
        cwd: job.work,
        env: trainerEnvironment(python.python, environment, threads),
        stdin: 'hold',
        stdout: { file: logFile },
        stderr: { file: logFile },
        signal,
        graceSeconds: stopGraceSeconds,
      });
      const follower = followEvents(eventFile, reported, onEvent);
      const ended = await child.exited;
      await follower.finish();
      signal.throwIfAborted();
      const result = await readResult(job.work);
      if (result?.outcome === 'done') return resultOf(result);
      throw await failure(job, result, ended.exitCode ?? ended.signal, logFile);
    },
  };
}

function jobDocument(job: TrainerJob, device: string, threads: number): Json {
  const onDevice = job.command === 'train' || job.command === 'merge' ? { device } : {};
  return { schema: 1, ...job.fields, ...onDevice, work: job.work, output: job.output, lifeline: true, threads };
}

function resultOf(result: Result): TrainerResult {
  const { schema: _schema, outcome: _outcome, tools, seconds: _seconds, command: _command, ...facts } = result;
  const known = Object.entries(tools).filter((entry): entry is [string, string] => entry[1] !== null);
  return { facts: facts as Record<string, Json>, tools: Object.fromEntries(known) };
}

async function failure(
  job: TrainerJob,
  result: Result | undefined,
  ending: number | string | null,
  logFile: string,
): Promise<SecpiError> {
  const hint = result?.hint ?? `The whole log: ${logFile}`;
  if (result?.outcome === 'failed')
    return new SecpiError(result.code ?? 'trainer/failed', result.message ?? `the trainer's ${job.command} failed`, {
      hint,
    });
  if (result?.outcome === 'stopped')
    return new SecpiError('trainer/stopped', `the trainer's ${job.command} was stopped from outside`, {
      hint: 'Run the same command again: it continues where it stopped.',
    });
  const tail = ((await readIfThere(logFile)) ?? '').trimEnd().split('\n').slice(-logTailLines).join('\n');
  return new SecpiError(
    'trainer/died',
    `the trainer's ${job.command} ended without a result (${ending ?? 'unknown'}):\n${tail}`,
    { hint },
  );
}

async function readResult(work: string): Promise<Result | undefined> {
  const text = await readIfThere(join(work, 'result.json'));
  if (text === undefined) return undefined;
  try {
    return resultSchema.parse(wellFormed(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

/** Hands on every line of an event file behind byte `from`, until told that its writer is gone. */
function followEvents(path: string, from: number, onEvent: (event: TrainerEvent) => void): { finish(): Promise<void> } {
  let offset = from;
  let over = false;
  const drain = async (): Promise<void> => {
    const size = (await ifThere(stat(path)))?.size ?? 0;
    if (size <= offset) return;
    let text = '';
    for await (const chunk of createReadStream(path, { start: offset, end: size - 1, encoding: 'utf8' })) text += chunk;
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    offset += Buffer.byteLength(whole);
    for (const line of whole.split('\n')) if (line !== '') report(line, onEvent);
  };
  const loop = (async () => {
    while (!over) {
      await drain();
      await sleep(pollMs);
    }
    await drain();
  })();
  // It is awaited in `finish`, but may fail long before.
  loop.catch(() => undefined);
  return {
    async finish() {
      over = true;
      await loop;
    },
  };
}

function report(line: string, onEvent: (event: TrainerEvent) => void): void {
  let parsed: z.infer<typeof eventSchema>;
  try {
    parsed = eventSchema.parse(wellFormed(JSON.parse(line)));
  } catch {
    // Progress is a courtesy: an unreadable line of it must not end a training run.
    return;
  }
  if (parsed.type !== 'metric') {
    onEvent(parsed as TrainerEvent);
    return;
  }
  const { type, step, total_steps, ...rest } = parsed;
  const numbers = Object.entries(rest).filter(
    (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === 'number',
  );
  onEvent({ type, step, total_steps, values: Object.fromEntries(numbers) });
}
