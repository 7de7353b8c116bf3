import { SecpiError } from '../../base/errors.js';
import type { Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import { inspectArtifact, type Lease } from '../artifacts/artifact-store.js';
import { meaningOf } from '../operational.js';
import type { StateDirectory } from '../state-directory.js';
import { fingerprintOf, type InputContent, type Preimage } from './fingerprint.js';
import type { GraphNode } from './graph.js';
import { firstTouched, WatchedFiles } from './pinned-files.js';
import { contentRead } from './read-files.js';
import { diffPreimages, explainMiss } from './why.js';

/** What it takes to tell whether a node has to run. */
export interface ResolveContext<Services> {
  readonly state: StateDirectory;
  readonly seed: number;
  readonly services: Services;
  readonly signal: AbortSignal;
  /** Told of every artifact that is about to be used. */
  readonly lease?: Lease | undefined;
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

interface Pins {
  readonly values: Readonly<Record<string, Json>>;
  /** The files behind them, as they were. */
  readonly files: ReadonlyMap<string, string>;
}

/** Whether a node's seed is part of what it makes. */
export function isSeeded<Services>({ stage, params }: GraphNode<Services>): boolean {
  return typeof stage.seeded === 'function' ? stage.seeded(params) : stage.seeded;
}

/** Asks each node for its pins at most once, so that planning and running see the same facts and pay for them once. */
export class NodeResolver<Services> {
  readonly #context: ResolveContext<Services>;
  readonly #pins = new Map<string, Promise<Pins>>();

  constructor(context: ResolveContext<Services>) {
    this.#context = context;
  }

  /** The preimage as far as the inputs are known. */
  async preimage(node: GraphNode<Services>, inputs: Partial<Inputs>): Promise<Preimage> {
    const pins = this.#pins.get(node.name) ?? this.#askForPins(node);
    this.#pins.set(node.name, pins);
    const contents: Record<string, InputContent> = {};
    for (const [name, reader] of Object.entries(inputs)) {
      if (reader !== undefined) contents[name] = contentRead(node.stage, name, reader);
    }
    return {
      stage: node.stage.name,
      version: node.stage.version,
      params: meaningOf(node.stage.params, node.params),
      ...(isSeeded(node) ? { seed: this.#context.seed } : {}),
      inputs: contents,
      pins: (await pins).values,
    };
  }

  /** Looks the node's artifact up. Writes nothing but the memory of hashes. */
  async resolve(node: GraphNode<Services>, inputs: Inputs, forced: boolean): Promise<Resolution> {
    const { state, services, signal, lease } = this.#context;
    const preimage = await this.preimage(node, inputs);
    const fingerprint = fingerprintOf(preimage);
    const inspection = await inspectArtifact(state, node.stage.name, fingerprint, { signal, lease });
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
        const files = new WatchedFiles(state, signal);
        const stale = await node.stage.stale?.({ params: node.params, services, signal, files, artifact });
        if (stale !== undefined) return { state: 'run', fingerprint, reason: 'stale', why: [stale] };
        return { state: 'cached', fingerprint, artifact };
      }
    }
  }

  /**
   * Throws `engine/input-changed` if what a node's pins stand for is no longer what it was when they were asked: then nobody can tell
   * which of it the stage has read.
   */
  async assertPinsHold(node: GraphNode<Services>): Promise<void> {
    const before = await this.#pins.get(node.name);
    if (before === undefined) return;
    const hint = 'Nothing was committed. Run the same command again, and leave it alone meanwhile.';
    const touched = await firstTouched(before.files);
    if (touched !== undefined) {
      throw new SecpiError('engine/input-changed', `${touched} was changed while "${node.name}" was reading it`, {
        hint,
      });
    }
    const now = await this.#askForPins(node);
    const changes = diffPreimages(before.values, now.values);
    if (changes.length === 0) return;
    const message = `what "${node.name}" depends on was changed while it ran: ${changes.join('; ')}`;
    throw new SecpiError('engine/input-changed', message, { hint });
  }

  async #askForPins(node: GraphNode<Services>): Promise<Pins> {
    const { state, services, signal } = this.#context;
    const files = new WatchedFiles(state, signal);
    const values = (await node.stage.pins?.({ params: node.params, services, signal, files })) ?? {};
    return { values, files: files.seen };
  }
}
