import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { monotonicFactory } from 'ulid';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { writeText } from '../../base/files/write-text.js';
import type { Sha256 } from '../../base/hash.js';
import { BEAT_SECONDS, beatPath, startHeartbeat } from '../../base/locks/heartbeat.js';
import type { LockTimes } from '../../base/locks/lock.js';
import { thisProcess } from '../../base/processes/process-owner.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import type { Graph } from '../flow/graph.js';
import { planRun } from '../flow/plan.js';
import { NodeResolver, type ResolveContext } from '../flow/resolve-node.js';
import { rolesOf, type Selection, upstreamMissing } from '../flow/selection.js';
import { resolveInside } from '../inside.js';
import { prepareStateDirectory } from '../state-directory.js';
import { Curves } from './curves.js';
import { errorReport } from './error-report.js';
import type { JournalEvent, RunFinished, RunMember } from './event.js';
import { type ExitCode, exitCodeOf } from './exit-code.js';
import { type Interrupter, Interruption } from './interruption.js';
import { openJournal, type Redact } from './journal.js';
import { Leases } from './leases.js';
import { type FlowRun, isInterrupted, runNodes } from './run-nodes.js';
import { OWNER, type RunOwner, SUMMARY } from './run-record.js';
import { hearRequests, type RunRequest } from './run-request.js';
import { newSweep, type Sweep } from './sweep.js';

export interface RunOptions<Services> extends Omit<ResolveContext<Services>, 'lease'> {
  /** Its id, a ULID that no run has; chosen here by default. */
  readonly run?: string | undefined;
  readonly graph: Graph<Services>;
  readonly recipe: { readonly name: string; readonly sha256: Sha256 };
  /** secpi's own version, for journal and manifests. */
  readonly version: string;
  readonly selection?: Selection | undefined;
  /** Files to keep with the run, by name: the recipe as read, say. Redacted like everything else. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly redact: Redact;
  readonly onEvent?: ((event: JournalEvent) => void) | undefined;
  /** Another process has asked for something; what becomes of it is for the caller, who has the signal. */
  readonly onRequest?: ((ask: RunRequest) => void) | undefined;
  /** The runs that this one was started together with. */
  readonly sweep?: Sweep | undefined;
  /** Which of a matrix this run is. */
  readonly member?: RunMember | undefined;
  /** How many stages may occupy the same thing at once; see `StageDefinition.occupies`. Default 1 each. A sweep has its own. */
  readonly limits?: Readonly<Record<string, number>> | undefined;
  /** Keep work directories after their stage has finished. Default false. */
  readonly keepWork?: boolean | undefined;
  /** Take locks at once whose owner cannot be proven dead, on a person's word. Default false. */
  readonly takeOver?: boolean | undefined;
  /** How often locks show that their owner lives, and how long a silent one is waited for. */
  readonly lockTimes?: LockTimes | undefined;
  /** The most often that a stage's progress becomes an event. Default: twice a second. */
  readonly progressEveryMs?: number | undefined;
}

export interface RunResult {
  /** The journal's last event, as written: redacted and with its time. */
  readonly finished: RunFinished;
  readonly exitCode: ExitCode;
  /** What the run made or found, by the name of the node. */
  readonly artifacts: ReadonlyMap<string, ArtifactReader>;
}

const PROGRESS_EVERY_MS = 500;

/** Also of runs that are begun in the same moment, the ids sort in the order in which they were begun. */
const nextId = monotonicFactory();

/**
 * Runs a flow: every node that has no artifact, as soon as what it reads is there. Resolves also when a stage failed, a gate said no or
 * the run was interrupted: what happened is in the result, in the journal and in `summary.json`.
 *
 * Rejects, with nothing written, for bad usage (`engine/unknown-stage`, `engine/bad-selection`, `engine/upstream-missing`);
 * and if the state directory cannot be written.
 */
export async function executeRun<Services>(options: RunOptions<Services>): Promise<RunResult> {
  const { graph, state, signal } = options;
  const roles = rolesOf(graph, options.selection ?? {});
  if ([...roles.of.values()].includes('need')) await refuseMissing(options);

  const run = options.run ?? nextId();
  const folder = state.run(run);
  const started = performance.now();
  await prepareStateDirectory(state);
  await makeDirectory(folder);
  const { sweep = newSweep(options.limits), member } = options;
  const membership = {
    ...(options.sweep === undefined ? {} : { sweep: sweep.id }),
    ...(member === undefined ? {} : { member }),
  };
  const owner: RunOwner = {
    schema: 1,
    run,
    recipe: options.recipe.name,
    started_at: new Date().toISOString(),
    owner: await thisProcess(),
    ...membership,
  };
  for (const [name, text] of Object.entries(options.files ?? {})) {
    await writeText(resolveInside(folder, name), options.redact(text));
  }
  // From here on it is a run, with all that belongs to it.
  await writeJsonAtomic(join(folder, OWNER), owner);
  const curves = new Curves(folder);
  const journal = await openJournal({
    folder,
    redact: options.redact,
    onEvent: (event) => {
      curves.add(event);
      options.onEvent?.(event);
    },
  });
  journal.emit({
    type: 'run-started',
    run,
    recipe: options.recipe.name,
    recipe_sha256: options.recipe.sha256,
    stages: graph.nodes.map((node) => node.name),
    version: options.version,
    ...membership,
  });
  const onAbort = (): void => {
    journal.emit({ type: 'interrupted', signal: interrupterOf(signal) });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  using _requests = hearRequests(folder, (ask) => options.onRequest?.(ask));
  const beat = beatPath(join(folder, OWNER), run);
  const beats = await startHeartbeat(beat, async () => undefined, BEAT_SECONDS);
  try {
    const leases = new Leases(state, run, signal);
    const lease = (object: Sha256) => leases.object(object);
    const flow: FlowRun<Services> = {
      ...options,
      run,
      roles,
      journal,
      leases,
      lease,
      resolver: new NodeResolver({ ...options, lease }),
      sweep,
      keepWork: options.keepWork ?? false,
      takeOver: options.takeOver ?? false,
      progressEveryMs: options.progressEveryMs ?? PROGRESS_EVERY_MS,
    };
    const { stop, artifacts, ...results } = await runNodes(flow);
    const outcome = stop?.outcome ?? 'done';
    const failure = stop?.error instanceof SecpiError ? stop.error.exitCode : 1;
    const exitCode = exitCodeOf(outcome, failure, interrupterOf(signal));
    const finished: RunFinished = {
      type: 'run-finished',
      run,
      outcome,
      exit_code: exitCode,
      seconds: Math.round(performance.now() - started) / 1000,
      ...results,
      ...(stop === undefined || isInterrupted(stop) ? {} : { error: errorReport(stop.error) }),
    };
    signal.removeEventListener('abort', onAbort);
    const written = journal.emit(finished) as RunFinished;
    await leases.settle([...artifacts.values()].map(({ manifest }) => manifest.object));
    await writeJsonAtomic(join(folder, SUMMARY), written);
    return { finished: written, exitCode, artifacts };
  } finally {
    signal.removeEventListener('abort', onAbort);
    await beats.stop();
    await rm(beat, { force: true });
    await curves.close();
    await journal.close();
  }
}

/** A stage that the selection leaves out but that others need must be in the store before anything is started. */
async function refuseMissing<Services>(options: RunOptions<Services>): Promise<void> {
  for (const { stage, state, why, error } of await planRun({ ...options, estimates: false })) {
    if (error !== undefined) throw error;
    if (state === 'missing') throw upstreamMissing(stage, why);
  }
}

function interrupterOf({ reason }: AbortSignal): Interrupter {
  return reason instanceof Interruption ? reason.by : 'SIGINT';
}
