import type { Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import { inspectArtifact } from '../artifacts/artifact-store.js';
import { meaningOf } from '../operational.js';
import type { StateDirectory } from '../state-directory.js';
import { fingerprintOf, type Preimage } from './fingerprint.js';
import type { GraphNode } from './graph.js';
import { explainMiss } from './why.js';

/** What it takes to tell whether a node has to run. */
export interface ResolveContext<Services> {
  readonly state: StateDirectory;
  readonly seed: number;
  readonly services: Services;
  readonly signal: AbortSignal;
}

export type Inputs = Readonly<Record<string, ArtifactReader>>;

/** Whether a node's artifact is there; if not, why, in readable lines. */
export type Resolution =
  | { readonly state: 'cached'; readonly fingerprint: Sha256; readonly artifact: ArtifactReader }
  | {
      readonly state: 'run';
      readonly fingerprint: Sha256;
      readonly reason: 'no-artifact' | 'forced' | 'damaged' | 'stale';
      readonly why: readonly string[];
    };

/** Asks each node for its pins at most once, so that planning and running see the same facts and pay for them once. */
export class NodeResolver<Services> {
  readonly #context: ResolveContext<Services>;
  readonly #pins = new Map<string, Promise<Readonly<Record<string, Json>>>>();

  constructor(context: ResolveContext<Services>) {
    this.#context = context;
  }

  /** The preimage as far as the inputs are known. */
  async preimage(node: GraphNode<Services>, inputs: Partial<Inputs>): Promise<Preimage> {
    const { seed, services, signal } = this.#context;
    let pins = this.#pins.get(node.name);
    if (pins === undefined) {
      pins = Promise.resolve(node.stage.pins?.({ params: node.params, services, signal }) ?? {});
      this.#pins.set(node.name, pins);
    }
    const digests: Record<string, Sha256> = {};
    for (const [name, reader] of Object.entries(inputs)) {
      if (reader !== undefined) digests[name] = reader.manifest.digest;
    }
    return {
      stage: node.stage.name,
      version: node.stage.version,
      params: meaningOf(node.stage.params, node.params),
      seed,
      inputs: digests,
      pins: await pins,
    };
  }

  /** Looks the node's artifact up. Writes nothing but the memory of verified hashes. */
  async resolve(node: GraphNode<Services>, inputs: Inputs, forced: boolean): Promise<Resolution> {
    const { state, services, signal } = this.#context;
    const preimage = await this.preimage(node, inputs);
    const fingerprint = fingerprintOf(preimage);
    const inspection = await inspectArtifact(state, node.stage.name, fingerprint);
    switch (inspection.state) {
      case 'damaged':
        return {
          state: 'run',
          fingerprint,
          reason: 'damaged',
          why: [`its artifact is damaged: ${inspection.problem}`],
        };
      case 'none': {
        const { lines } = await explainMiss(state, preimage);
        return { state: 'run', fingerprint, reason: forced ? 'forced' : 'no-artifact', why: lines };
      }
      case 'whole': {
        const { artifact } = inspection;
        if (forced) return { state: 'run', fingerprint, reason: 'forced', why: ['forced'] };
        const stale = await node.stage.stale?.({ params: node.params, services, signal, artifact });
        if (stale !== undefined) return { state: 'run', fingerprint, reason: 'stale', why: [stale] };
        return { state: 'cached', fingerprint, artifact };
      }
    }
  }
}
