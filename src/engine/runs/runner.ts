import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import type { Sha256 } from '../../base/hash.js';
import { thisProcess } from '../../base/processes/process-owner.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import type { Graph, GraphNode } from '../flow/graph.js';
import { type PlanEntry, planRun } from '../flow/plan.js';
import { NodeResolver, type ResolveContext } from '../flow/resolve-node.js';
import { type Roles, rolesOf, type Selection } from '../flow/selection.js';
import { resolveInside } from '../inside.js';
import { prepareStateDirectory } from '../state-directory.js';
import { errorReport } from './error-report.js';
import type { JournalEvent, RunFinished, StageSummary } from './event.js';
import { type ExitCode, exitCodeOf } from './exit-code.js';
import { Interruption } from './interruption.js';
import { type Journal, openJournal, type Redact } from './journal.js';
import { mergeMetrics } from './merge-metrics.js';
import { OWNER, type RunOwner, SUMMARY } from './run-record.js';
import { removeFinishedWork, runStage, type StageEnd, type StageRun } from './run-stage.js';

export interface RunOptions<Services> extends ResolveContext<Services> {
  readonly graph: Graph<Services>;
  readonly recipe: { readonly name: string; readonly sha256: Sha256 };
  /** secpi's own version, for journal and manifests. */
  readonly version: string;
  readonly selection?: Selection | undefined;
  /** Files to keep with the run, by name: the recipe as read, say. Redacted like everything else. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly redact: Redact;
  readonly onEvent?: ((event: JournalEvent) => void) | undefined;
  /** Keep work directories after their stage has finished. Default false. */
  readonly keepWork?: boolean | undefined;
  /** Also take locks whose owner cannot be proven dead, on a person's word. Default false. */
  readonly takeOver?: boolean | undefined;
}

export interface RunResult {
  /** The journal's last event, as written: redacted and with its time. */
  readonly finished: RunFinished;
  readonly exitCode: ExitCode;
}

/** What became of one node. */
type NodeEnd =
  | ({ readonly state: 'made' } & StageEnd)
  | { readonly state: 'skipped'; readonly why: string }
  | { readonly state: 'broken'; readonly error: unknown; readonly fingerprint: Sha256 | null };

/** What stopped the run; nothing runs after it. */
interface Stop {
  readonly stage: string;
  readonly outcome: Exclude<RunFinished['outcome'], 'done'>;
  readonly error: unknown;
}

/**
 * Runs a flow: every node that has no artifact, in order. Resolves also when a stage failed, a gate said no or the run was
 * interrupted: what happened is in the result, in the journal and in `summary.json`.
 *
 * Rejects, with nothing written, for bad usage (`engine/unknown-stage`, `engine/bad-selection`, `engine/upstream-missing`);
 * and if the state directory cannot be written.
 */
export async function executeRun<Services>(options: RunOptions<Services>): Promise<RunResult> {
  const { graph, state, signal } = options;
  const roles = rolesOf(graph, options.selection ?? {});
  const resolver = new NodeResolver(options);
  if ([...roles.of.values()].includes('need')) refuseMissing(await planRun({ ...options, resolver }));

  const run = ulid();
  const folder = state.run(run);
  const started = performance.now();
  await prepareStateDirectory(state);
  await makeDirectory(folder);
  const owner: RunOwner = {
    schema: 1,
    run,
    recipe: options.recipe.name,
    started_at: new Date().toISOString(),
    owner: await thisProcess(),
  };
  await writeJsonAtomic(join(folder, OWNER), owner);
  for (const [name, text] of Object.entries(options.files ?? {})) {
    await writeFile(resolveInside(folder, name), options.redact(text));
  }
  const journal = await openJournal({ folder, redact: options.redact, onEvent: options.onEvent });
  journal.emit({
    type: 'run-started',
    run,
    recipe: options.recipe.name,
    recipe_sha256: options.recipe.sha256,
    stages: graph.nodes.map((node) => node.name),
    version: options.version,
  });
  const onAbort = (): void => {
    journal.emit({ type: 'interrupted', signal: interruptionOf(signal).signal });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    const context: StageRun<Services> = {
      ...options,
      run,
      journal,
      resolver,
      keepWork: options.keepWork ?? false,
      takeOver: options.takeOver ?? false,
    };
    const { stages, metrics, stop } = await runNodes(context, graph, roles);
    const finished: RunFinished = {
      type: 'run-finished',
      run,
      outcome: stop?.outcome ?? 'done',
      seconds: seconds(started),
      stages,
      metrics,
      ...(stop === undefined || stop.outcome === 'interrupted' ? {} : { error: errorReport(stop.error) }),
    };
    signal.removeEventListener('abort', onAbort);
    const written = journal.emit(finished) as RunFinished;
    await writeJsonAtomic(join(folder, SUMMARY), written);
    const failure = stop?.error instanceof SecpiError ? stop.error.exitCode : 1;
    return { finished: written, exitCode: exitCodeOf(finished.outcome, failure, interruptionOf(signal).signal) };
  } finally {
    signal.removeEventListener('abort', onAbort);
    await journal.close();
  }
}

/** A stage that the selection leaves out but that others need must be in the store before anything is started. */
function refuseMissing(plan: readonly PlanEntry[]): void {
  const missing = plan.find((entry) => entry.state === 'missing');
  if (missing === undefined) return;
  throw upstreamMissing(missing.stage, missing.why);
}

function upstreamMissing(stage: string, why: readonly string[]): SecpiError {
  return new SecpiError('engine/upstream-missing', `"${stage}" has no artifact to go on from: ${why.join('; ')}`, {
    hint: 'Run without --from and --only; what is already there is not made again.',
    exitCode: 2,
  });
}

function interruptionOf(signal: AbortSignal): Interruption {
  return signal.reason instanceof Interruption ? signal.reason : new Interruption('SIGINT');
}

function seconds(since: number): number {
  return Math.round(performance.now() - since) / 1000;
}

async function runNodes<Services>(context: StageRun<Services>, graph: Graph<Services>, roles: Roles) {
  const made = new Map<string, ArtifactReader>();
  const stages: StageSummary[] = [];
  let metrics: RunFinished['metrics'] = {};
  let stop: Stop | undefined;

  for (const node of graph.nodes) {
    const began = performance.now();
    const end = stop === undefined ? await runNode(context, node, roles, made) : skippedBecause(stop);
    if (end.state === 'made') {
      made.set(node.name, end.artifact);
      metrics = mergeMetrics(metrics, end.artifact.manifest.metrics);
    }
    if (end.state === 'broken') stop = stopOf(context, node, end.error);
    stages.push(report(context.journal, node, end, stop, seconds(began)));
  }
  return { stages, metrics, stop };
}

function skippedBecause(stop: Stop): NodeEnd {
  const why = stop.outcome === 'interrupted' ? 'the run was interrupted' : `"${stop.stage}" failed`;
  return { state: 'skipped', why };
}

async function runNode<Services>(
  context: StageRun<Services>,
  node: GraphNode<Services>,
  roles: Roles,
  made: ReadonlyMap<string, ArtifactReader>,
): Promise<NodeEnd> {
  const role = roles.of.get(node.name);
  if (role === 'leave') return { state: 'skipped', why: 'not asked for' };
  let fingerprint: Sha256 | null = null;
  try {
    context.signal.throwIfAborted();
    await context.journal.flush();
    const inputs: Record<string, ArtifactReader> = {};
    for (const [name, source] of Object.entries(node.inputs)) {
      const artifact = made.get(source);
      if (artifact === undefined) throw new Error(`${node.name} comes before ${source}, which it reads`);
      inputs[name] = artifact;
    }
    const resolution = await context.resolver.resolve(node, inputs, roles.forced.has(node.name));
    fingerprint = resolution.fingerprint;
    if (resolution.state === 'cached') {
      if (!context.keepWork) await removeFinishedWork(context, fingerprint);
      return { state: 'made', outcome: 'cached', artifact: resolution.artifact };
    }
    if (role === 'need') throw upstreamMissing(node.name, resolution.why);
    return { state: 'made', ...(await runStage(context, node, inputs, resolution)) };
  } catch (error) {
    return { state: 'broken', error, fingerprint };
  }
}

/** Decides what an exception means for the run, and keeps the stack of a bug where only `logs` shows it. */
function stopOf<Services>(context: StageRun<Services>, node: GraphNode<Services>, error: unknown): Stop {
  const interrupted = context.signal.aborted;
  if (!(error instanceof SecpiError) && error !== context.signal.reason) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    context.journal.emit({ type: 'log', stage: node.name, level: 'debug', message });
  }
  const gate = error instanceof SecpiError && error.exitCode === 3;
  return { stage: node.name, outcome: interrupted ? 'interrupted' : gate ? 'gate' : 'failed', error };
}

function report<Services>(
  journal: Journal,
  node: GraphNode<Services>,
  end: NodeEnd,
  stop: Stop | undefined,
  took: number,
): StageSummary {
  const base = { type: 'stage-finished', stage: node.name, seconds: took } as const;
  switch (end.state) {
    case 'made': {
      const { fingerprint, counts, reasons, tokens, cost_usd } = end.artifact.manifest;
      // A cached stage bought nothing in this run.
      const spent = end.outcome === 'done' ? { tokens, cost_usd } : {};
      journal.emit({ ...base, outcome: end.outcome, fingerprint, counts, reasons, ...spent });
      return { stage: node.name, outcome: end.outcome, fingerprint, seconds: took };
    }
    case 'skipped':
      journal.emit({ ...base, outcome: 'skipped', fingerprint: null, why: end.why });
      return { stage: node.name, outcome: 'skipped', fingerprint: null, seconds: took };
    case 'broken': {
      const { fingerprint } = end;
      const interrupted = stop?.outcome === 'interrupted';
      // A stage that an interruption found before it had begun has not failed.
      const outcome = interrupted && fingerprint === null ? 'skipped' : 'failed';
      const cause = interrupted ? { why: 'the run was interrupted' } : { error: errorReport(end.error) };
      journal.emit({ ...base, outcome, fingerprint, ...cause });
      return { stage: node.name, outcome, fingerprint, seconds: took };
    }
  }
}
