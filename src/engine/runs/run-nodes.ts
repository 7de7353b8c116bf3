import { setMaxListeners } from 'node:events';
import { SecpiError } from '../../base/errors.js';
import { expectedError } from '../../base/files/system-error.js';
import type { Sha256 } from '../../base/hash.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import type { Graph, GraphNode } from '../flow/graph.js';
import { type Roles, upstreamMissing } from '../flow/selection.js';
import { errorReport } from './error-report.js';
import type { ProgressEvent, RunFinished, StageSummary } from './event.js';
import { Foresight } from './foresight.js';
import { isLeaving } from './interruption.js';
import type { Journal } from './journal.js';
import { mergeMetrics } from './merge-metrics.js';
import { removeFinishedWork, runStage, type StageEnd, type StageRun } from './run-stage.js';

/** All that the stages of one run share. */
export interface FlowRun<Services> extends StageRun<Services> {
  readonly graph: Graph<Services>;
  readonly roles: Roles;
}

/**
 * What became of one node. `begun`: it had its turn, so there is something that failed or was cut off. `of`: another node, further on, whose
 * error it is.
 */
type NodeEnd =
  | ({ readonly state: 'made' } & StageEnd)
  | { readonly state: 'skipped'; readonly why: string }
  | {
      readonly state: 'broken';
      readonly error: unknown;
      readonly fingerprint: Sha256 | null;
      readonly begun: boolean;
      readonly of?: string;
      readonly used?: Used;
    };

/** What the answers took that a stage has used. */
type Used = Pick<ProgressEvent, 'tokens' | 'cost_usd'>;

/** What ended the run before all was done: the first failure, or an interruption. */
interface Stop {
  readonly stage: string;
  readonly outcome: Exclude<RunFinished['outcome'], 'done'>;
  readonly error: unknown;
}

type Results = Required<Pick<RunFinished, 'stages' | 'metrics' | 'tokens' | 'cost_usd'>> & {
  readonly stop: Stop | undefined;
  readonly artifacts: ReadonlyMap<string, ArtifactReader>;
};

/**
 * Runs every node as soon as what it reads is there, side by side where they do not occupy the same thing. After the first failure
 * nothing is started, and what runs beside it is stopped: it goes on from there the next time.
 */
export async function runNodes<Services>(flow: FlowRun<Services>): Promise<Results> {
  const { graph, roles, journal } = flow;
  const siblings = new AbortController();
  const signal = AbortSignal.any([flow.signal, siblings.signal]);
  // Each file and process of each stage listens, and none of them leaks.
  setMaxListeners(0, signal, siblings.signal);
  const made = new Map<string, ArtifactReader>();
  const ends = new Map<string, { readonly end: NodeEnd; readonly summary: StageSummary }>();
  let stop: Stop | undefined;

  const settle = (node: GraphNode<Services>, end: NodeEnd, began: number): void => {
    if (end.state === 'made') made.set(node.name, end.artifact);
    if (end.state === 'broken' && stop === undefined) {
      const failed = end.of ?? node.name;
      stop = stopOf(flow, failed, end.error);
      siblings.abort(new SecpiError('engine/stopped', `"${failed}" failed`));
    }
    ends.set(node.name, { end, summary: report(journal, node, end, stop, began) });
  };
  const running = new Map<string, Promise<void>>();
  const foresight = new Foresight({ ...flow, signal });
  const begin = (node: GraphNode<Services>): void => {
    const began = performance.now();
    const work = runNode({ ...flow, signal, foresight }, node, made).then((end) => {
      running.delete(node.name);
      settle(node, end, began);
    });
    running.set(node.name, work);
  };

  let waiting = graph.nodes;
  for (;;) {
    const canBegin = (node: GraphNode<Services>) =>
      stop === undefined &&
      (roles.of.get(node.name) === 'leave' || Object.values(node.inputs).every((source) => made.has(source)));
    const ready = waiting.filter(canBegin);
    waiting = waiting.filter((node) => !ready.includes(node));
    for (const node of ready) begin(node);
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  for (const node of waiting) {
    const end: NodeEnd =
      stop?.stage === node.name
        ? { state: 'broken', error: stop.error, fingerprint: null, begun: false }
        : { state: 'skipped', why: whyStopped(stop) };
    settle(node, end, performance.now());
  }

  // In the order of the flow, whatever the order in which they ended: a summary must not depend on it.
  const inOrder = graph.nodes.flatMap((node) => ends.get(node.name) ?? []);
  const successes = inOrder.flatMap(({ end }) => (end.state === 'made' ? [end] : []));
  const used = inOrder.flatMap(({ end }): readonly Used[] => {
    if (end.state === 'broken') return end.used === undefined ? [] : [end.used];
    return end.state === 'made' && end.outcome === 'done' ? [end.artifact.manifest] : [];
  });
  return {
    stages: inOrder.map(({ summary }) => summary),
    metrics: successes.reduce((all, { artifact }) => mergeMetrics(all, artifact.manifest.metrics), {}),
    tokens: {
      input: used.reduce((sum, { tokens }) => sum + (tokens?.input ?? 0), 0),
      output: used.reduce((sum, { tokens }) => sum + (tokens?.output ?? 0), 0),
    },
    cost_usd: used.reduce((sum, { cost_usd = 0 }) => sum + cost_usd, 0),
    stop,
    artifacts: made,
  };
}

/** Whether it was told to end, rather than failed. */
export function isInterrupted({ outcome }: Pick<Stop, 'outcome'>): boolean {
  return outcome === 'interrupted' || outcome === 'detached';
}

function whyStopped(stop: Stop | undefined): string {
  if (stop?.outcome === 'detached') return 'the run has left';
  return stop === undefined || isInterrupted(stop) ? 'the run was interrupted' : `"${stop.stage}" failed`;
}

async function runNode<Services>(
  context: FlowRun<Services> & { readonly foresight: Foresight<Services> },
  node: GraphNode<Services>,
  made: ReadonlyMap<string, ArtifactReader>,
): Promise<NodeEnd> {
  const { roles, sweep, services, signal, journal, foresight } = context;
  const role = roles.of.get(node.name);
  if (role === 'leave') return { state: 'skipped', why: 'not asked for' };
  let fingerprint: Sha256 | null = null;
  let begun = false;
  let used: Used = {};
  try {
    signal.throwIfAborted();
    await journal.flush();
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
    const refusal = await foresight.refusalFrom(node);
    signal.throwIfAborted();
    if (refusal !== undefined) {
      return { state: 'broken', error: refusal.error, fingerprint, begun: false, of: refusal.node.name };
    }
    using _turn = await sweep.slots.occupy(node.stage.occupies?.(node.params, services) ?? [], signal);
    begun = true;
    const end = await runStage(context, node, inputs, resolution, ({ tokens, cost_usd }) => {
      if (tokens !== undefined && cost_usd !== undefined) used = { tokens, cost_usd };
    });
    return { state: 'made', ...end };
  } catch (error) {
    return { state: 'broken', error, fingerprint, begun, used };
  }
}

/** Decides what an exception means for the run, and keeps the stack of a bug where only `logs` shows it. */
function stopOf<Services>({ signal, journal }: FlowRun<Services>, stage: string, error: unknown): Stop {
  if (expectedError(error) === undefined && error !== signal.reason) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    journal.emit({ type: 'log', stage, level: 'debug', message });
  }
  const gate = error instanceof SecpiError && error.exitCode === 3;
  const ended = signal.aborted ? (isLeaving(signal) ? 'detached' : 'interrupted') : undefined;
  return { stage, outcome: ended ?? (gate ? 'gate' : 'failed'), error };
}

function report<Services>(
  journal: Journal,
  node: GraphNode<Services>,
  end: NodeEnd,
  stop: Stop | undefined,
  began: number,
): StageSummary {
  const stage = node.name;
  const seconds = Math.round(performance.now() - began) / 1000;
  const base = { type: 'stage-finished', stage, seconds } as const;
  switch (end.state) {
    case 'made': {
      const { fingerprint, counts, reasons, tokens, cost_usd } = end.artifact.manifest;
      // A cached stage bought nothing in this run.
      const spent = end.outcome === 'done' ? { tokens, cost_usd } : {};
      for (const message of node.stage.remarks?.({ counts, reasons }) ?? []) {
        journal.emit({ type: 'log', stage, level: 'warn', message });
      }
      journal.emit({ ...base, outcome: end.outcome, fingerprint, counts, reasons, ...spent });
      return { stage, outcome: end.outcome, fingerprint, seconds };
    }
    case 'skipped':
      journal.emit({ ...base, outcome: 'skipped', fingerprint: null, why: end.why });
      return { stage, outcome: 'skipped', fingerprint: null, seconds };
    case 'broken': {
      const { fingerprint, used } = end;
      const failed = stop?.stage === stage && !isInterrupted(stop);
      const outcome = failed ? 'failed' : end.begun ? 'stopped' : 'skipped';
      const cause = failed ? { error: errorReport(end.error) } : { why: whyStopped(stop) };
      journal.emit({ ...base, outcome, fingerprint, ...used, ...cause });
      return { stage, outcome, fingerprint, seconds };
    }
  }
}
