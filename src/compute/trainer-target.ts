import { availableParallelism, hostname } from 'node:os';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../base/errors.js';
import { sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { lockFileOf, type PackageSet, pinnedPackages } from '../setup/pinned-packages.js';
import type { JobContainer, JobExit, JobStep } from './jobs/job.js';
import type { Collected } from './jobs/placed-job.js';
import { JobFailure, runJob } from './jobs/run-job.js';
import { savedBy } from './jobs/saved-by.js';
import { type Place, unreachable } from './places/place.js';
import { deviceHere, pythonIdentity } from './python-identity.js';
import { ONE_PROCESS, type Ranks, ranksArguments, worldOf } from './ranks.js';
import type { ContainerSpec, FinishedTrainerJob, Target, TrainerCommand, TrainerJob, TrainerResult } from './target.js';
import { PASSED_ON, pythonVariables, TRAINERS, trainersFolder } from './trainer-environment.js';
import { trainerEvent } from './trainer-events.js';

const resultSchema = z.looseObject({
  schema: z.literal(1),
  outcome: z.enum(['done', 'failed', 'stopped']),
  code: z.string().optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
  tools: z.record(z.string(), z.string().nullable()).default({}),
});

/** What one counts as that SIGKILL has ended. */
const KILLED = 137;

/** A trainer saves a checkpoint before it stops; this is how long it may take. */
const stopGraceSeconds = 120;

export interface Trainers {
  /** The interpreter, where they run. */
  readonly python: (packages?: PackageSet) => Promise<string>;
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly threads: number | undefined;
  readonly container: ContainerSpec | undefined;
  /** What shares a training. */
  readonly ranks: Ranks;
  /** What its card can compute, 10^12 operations a second, if the recipe says which it is. */
  readonly peakTflops: number | undefined;
  /** Values that jobs get to see, by name. Throws `compute/no-secret`. */
  readonly secrets: () => Readonly<Record<string, string>>;
}

/** Where jobs are submitted: on a cluster, a training gets all the nodes that its target names, and anything else gets one. */
interface Places {
  readonly usual: Place;
  readonly training: Place;
}

/** Trainers at a place. */
export function trainerTarget(places: Places, trainers: Trainers): Omit<Target, 'checkTraining'> {
  const { python: findPython, device, threads = defaultThreads, container, ranks, peakTflops } = trainers;
  return {
    environment: ({ packages: set, trains = false } = {}) =>
      pythonIdentity(device, container?.image, { set, processes: trains ? worldOf(ranks) : 1 }),
    async foresee(signal) {
      const place = places.training;
      if (place.queue === null) return undefined;
      for await (const line of place.ask('test', { launcher: place.queue }, signal))
        if (line.type === 'tested')
          return line.ok ? `${place.name}: ${line.said}` : `${place.name} will never run it: ${line.said}`;
      throw unreachable(place.name);
    },
    async runTrainer(job, { signal, onEvent }) {
      signal.throwIfAborted();
      const { packages = 'trainers' } = job;
      const place = job.commands.some(({ command }) => command === 'train') ? places.training : places.usual;
      const python = await findPython(packages);
      try {
        const { exit, outputs, kept } = await runJob(
          place,
          {
            steps: job.commands.map((command) =>
              stepOf(command, python, { device: deviceHere(device), threads, ranks, peakTflops }),
            ),
            env: {},
            inherit: PASSED_ON,
            inputs: { ...job.inputs, [TRAINERS]: trainersFolder },
            outputs: job.outputs,
            graceSeconds: stopGraceSeconds,
            container: containerOf(trainers),
          },
          {
            key: keyOf(job),
            secrets: trainers.secrets(),
            folder: job.folder,
            keep: job.keep ?? [],
            signal,
            // What is in an image its digest says.
            beforeStart: async () => (container === undefined ? checkPackages(place, packages, signal) : undefined),
            onEvent: (line) => {
              const event = trainerEvent(line);
              if (event !== undefined) onEvent(event);
            },
            onNote: (message) => onEvent({ type: 'log', message }),
          },
        );
        return { ...resultsOf(exit), outputs, kept };
      } catch (error) {
        throw error instanceof JobFailure ? failureOf(error, place.name, job) : error;
      }
    },
  };
}

/**
 * A result is taken for that of the pinned packages, so those have to be there. On this machine set-up has seen to it.
 * Throws `compute/other-packages`.
 */
export async function checkPackages(place: Place, packages: PackageSet, signal: AbortSignal): Promise<void> {
  if (place.isHere) return;
  const lock = basename(lockFileOf(packages));
  for await (const line of place.ask('packages', { wanted: await pinnedPackages(packages) }, signal)) {
    const [first, ...more] = line.type === 'packages' ? line.wrong : [];
    if (first === undefined) return;
    const others = more.length === 0 ? '' : `, and ${more.length} more are other than they should be`;
    throw new SecpiError(
      'compute/other-packages',
      `the Python on ${place.name} has not what is pinned: ${first}${others}`,
      {
        hint: `Install trainers/${lock} there: \`PYTHON -m pip install ${packages === 'axolotl' ? '--no-deps ' : ''}-r ${lock}\`.`,
        exitCode: 2,
      },
    );
  }
  throw unreachable(place.name);
}

/** What programs of a target run in. */
export function containerOf({ container, device }: Trainers): JobContainer | null {
  if (container === undefined) return null;
  const { engine, image, mounts } = container;
  return { engine, image, mounts, gpus: deviceHere(device) === 'cuda', sandboxes: false };
}

export const defaultThreads = Math.min(4, availableParallelism());

/** Names the work of this machine in this folder, wherever it is done. */
function keyOf({ commands, folder }: TrainerJob): string {
  const last = commands.at(-1)?.command ?? 'nothing';
  return `secpi-${last}-${sha256Json([hostname(), folder]).slice(0, 16)}`;
}

function stepOf(
  { command, fields }: TrainerCommand,
  python: string,
  means: {
    readonly device: string;
    readonly threads: number;
    readonly ranks: Ranks;
    readonly peakTflops: number | undefined;
  },
): JobStep {
  const { device, threads, peakTflops } = means;
  const ranks = command === 'train' ? means.ranks : ONE_PROCESS;
  const work = `{work}/${command}`;
  const onDevice = command === 'train' || command === 'merge' ? { device } : {};
  const peak = command === 'train' && peakTflops !== undefined ? { peak_tflops: peakTflops } : {};
  const document = {
    schema: 1,
    ...fields,
    ...onDevice,
    ...peak,
    work,
    output: `${work}/output`,
    events: '{events}',
    threads,
  };
  return {
    name: command,
    launch: ranks.nodes === 1 ? 'one' : 'per-node',
    argv: [python, '-m', 'secpi_trainers', command, '--job', `{job:${command}.json}`, ...ranksArguments(ranks)],
    env: pythonVariables(python, `{in:${TRAINERS}}`, threads),
    documents: { [`${command}.json`]: document },
    result: `${work}/result.json`,
  };
}

function resultsOf({ results }: JobExit): Omit<FinishedTrainerJob, keyof Collected> {
  const tools: Record<string, string> = {};
  const byCommand: Record<string, TrainerResult> = {};
  for (const [command, said] of Object.entries(results)) {
    const {
      schema: _,
      outcome: _outcome,
      seconds: _seconds,
      command: _command,
      tools: known,
      ...facts
    } = resultSchema.parse(said);
    byCommand[command] = { facts: facts as Record<string, Json> };
    for (const [tool, version] of Object.entries(known)) if (version !== null) tools[tool] = version;
  }
  return { results: byCommand, tools };
}

/** What a person is told of a job that did not end well: the trainer's own words, if it had time for any. */
function failureOf({ exit, tail, folder }: JobFailure, place: string, { commands }: TrainerJob): SecpiError {
  const command = exit?.step ?? 'job';
  const log = `The whole log: the newest log.txt below ${join(folder, 'attempts')} on ${place}.`;
  const said = exit?.step === undefined ? undefined : resultSchema.safeParse(exit.results[exit.step]).data;
  if (exit?.outcome === 'stopped') {
    const saved = savedBy(exit);
    const what = `the trainer's ${command} was stopped from outside${saved === undefined ? '' : `; ${saved}`}`;
    return new SecpiError('trainer/stopped', what, {
      hint: 'Run the same command again: it continues where it stopped.',
    });
  }
  if (said?.outcome === 'failed') {
    const message = said.message ?? `the trainer's ${command} failed`;
    return new SecpiError(said.code ?? 'trainer/failed', message, { hint: said.hint ?? log });
  }
  if (exit?.error !== undefined) {
    const { code, message, hint } = exit.error;
    return new SecpiError(hint === undefined ? 'trainer/died' : code, message, { hint: hint ?? log });
  }
  if (exit?.code === KILLED) {
    const why =
      exit.out_of_memory === true ? 'because memory ran out' : 'which is what the kernel does when memory runs out';
    const instead = lessMemory(commands.find((one) => one.command === command));
    return new SecpiError('trainer/killed', `the trainer's ${command} was killed (SIGKILL), ${why}:\n${tail}`, {
      hint: `If it was memory (the machine's, not a GPU's): give it more${instead}. ${log}`,
    });
  }
  const ending = exit?.code ?? 'it was killed together with what watched it';
  return new SecpiError('trainer/died', `the trainer's ${command} ended without a result (${ending}):\n${tail}`, {
    hint: log,
  });
}

/** How a training takes less of a machine's memory; what fits a GPU the trainer says itself. Of other commands nothing is known to help. */
function lessMemory(command: TrainerCommand | undefined): string {
  if (command?.command !== 'train') return '';
  const { batch_size: rows, gradient_accumulation: passes, gradient_checkpointing: again } = command.fields;
  const smaller =
    typeof rows === 'number' && rows > 1
      ? [
          `batch_size: ${Math.floor(rows / 2)} with gradient_accumulation: ${(typeof passes === 'number' ? passes : 1) * 2}`,
        ]
      : [];
  return `, or ${[...smaller, ...(again === false ? ['gradient_checkpointing: true'] : []), 'a shorter max_tokens'].join(', ')}`;
}
