import type { SecpiError } from '../../base/errors.js';
import { expectedError, sentenceOf } from '../../base/files/system-error.js';
import type { Sha256 } from '../../base/hash.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import type { StageEstimate } from '../stage.js';
import { hasWork } from '../work-directory.js';
import type { Graph, GraphNode } from './graph.js';
import { givenToRead } from './read-files.js';
import { type Inputs, NodeResolver, type ResolveContext } from './resolve-node.js';
import { rolesOf, type Selection } from './selection.js';
import { explainMiss } from './why.js';

/**
 * What would become of a stage: `cached`; `run`; `waits` = its inputs are not made yet, so nobody knows; `missing` = it is
 * needed, was left out by the selection, and has no artifact, so the run would refuse; `unknown` = it cannot be told here and now, because
 * something that decides it does not answer (the Hub, the sandbox); `left-out`.
 */
export type PlanState = 'cached' | 'run' | 'waits' | 'missing' | 'unknown' | 'left-out';

export interface PlanEntry {
  readonly stage: string;
  readonly state: PlanState;
  /** Null while inputs are not known. */
  readonly fingerprint: Sha256 | null;
  /** Why it is not cached, one readable line each. */
  readonly why: readonly string[];
  /** Stages that have to run (or be there) first. */
  readonly waits_for: readonly string[];
  /** An interrupted run has left work that this one goes on from. */
  readonly resumes: boolean;
  readonly estimate?: StageEstimate;
  /** Why a stage is `unknown`. */
  readonly error?: SecpiError;
}

export interface PlanOptions<Services> extends ResolveContext<Services> {
  readonly graph: Graph<Services>;
  readonly selection?: Selection | undefined;
  /** One that has asked for pins already. */
  readonly resolver?: NodeResolver<Services> | undefined;
  /** Without what stages would take, which some know only from reading all of their rows. Default: with it. */
  readonly estimates?: boolean;
}

/**
 * What a run would do, stage by stage, in order. Makes no artifact and starts no stage; `pins`, `stale` and `estimate` of
 * the stages are asked. What one of them cannot say is `unknown`, and the rest is planned all the same. Throws what `rolesOf` throws.
 */
export async function planRun<Services>(options: PlanOptions<Services>): Promise<PlanEntry[]> {
  const { graph, state, services, signal } = options;
  const roles = rolesOf(graph, options.selection ?? {});
  const resolver = options.resolver ?? new NodeResolver(options);
  const made = new Map<string, ArtifactReader>();

  const estimateOf = async (node: GraphNode<Services>, inputs: Readonly<Record<string, ArtifactReader>>) => {
    if (options.estimates === false) return {};
    try {
      const estimate = await node.stage.estimate?.({
        params: node.params,
        services,
        signal,
        inputs: givenToRead(node.stage, inputs),
      });
      return estimate === undefined ? {} : { estimate };
    } catch (error) {
      signal.throwIfAborted();
      return { estimate: { note: `no estimate: ${sentenceOf(error)}` } };
    }
  };

  const whyItWaits = async (node: GraphNode<Services>, inputs: Inputs, unknown: readonly string[]) => {
    try {
      return (await explainMiss(state, await resolver.preimage(node, inputs), unknown)).lines;
    } catch (thrown) {
      return [unknownReason(thrown).message];
    }
  };

  const entryOf = async (node: GraphNode<Services>): Promise<PlanEntry> => {
    const nothing = { stage: node.name, fingerprint: null, why: [], waits_for: [], resumes: false };
    const role = roles.of.get(node.name);
    if (role === 'leave') return { ...nothing, state: 'left-out' };
    const inputs: Record<string, ArtifactReader> = {};
    const unknown: string[] = [];
    for (const [name, source] of Object.entries(node.inputs)) {
      const artifact = made.get(source);
      if (artifact === undefined) unknown.push(name);
      else inputs[name] = artifact;
    }
    if (unknown.length > 0) {
      const waits_for = [...new Set(unknown.map((name) => node.inputs[name] ?? name))];
      const known = await whyItWaits(node, inputs, unknown);
      const why = known.length > 0 ? known : [`waits for ${waits_for.join(', ')}`];
      return { ...nothing, state: 'waits', why, waits_for, ...(await estimateOf(node, inputs)) };
    }
    const resolution = await resolver.resolve(node, inputs, roles.forced.has(node.name));
    const { fingerprint } = resolution;
    if (resolution.state === 'cached') {
      made.set(node.name, resolution.artifact);
      return { ...nothing, state: 'cached', fingerprint };
    }
    const { why } = resolution;
    if (role === 'need') return { ...nothing, state: 'missing', fingerprint, why };
    const resumes = await hasWork(state, fingerprint);
    return { ...nothing, state: 'run', fingerprint, why, resumes, ...(await estimateOf(node, inputs)) };
  };

  const entries: PlanEntry[] = [];
  for (const node of graph.nodes) {
    signal.throwIfAborted();
    const entry = await entryOf(node).catch((thrown: unknown): PlanEntry => {
      const error = unknownReason(thrown);
      const why = [error.message];
      return { stage: node.name, state: 'unknown', fingerprint: null, why, waits_for: [], resumes: false, error };
    });
    entries.push(entry);
  }
  return entries;
}

/** Why something cannot be told, if a person can understand that; anything else is a bug and thrown on. */
function unknownReason(thrown: unknown): SecpiError {
  const error = expectedError(thrown);
  if (error === undefined) throw thrown;
  return error;
}
