import { expectedError } from '../../base/files/system-error.js';
import type { Sha256 } from '../../base/hash.js';
import type { ArtifactReader } from '../../engine/artifacts/artifact.js';
import type { Graph } from '../../engine/flow/graph.js';
import { identitiesOf } from '../../engine/flow/identity.js';
import { type PlanEntry, planRun } from '../../engine/flow/plan.js';
import { NodeResolver } from '../../engine/flow/resolve-node.js';
import { pipelineOf } from '../../pipeline.js';
import type { StageServices } from '../../stages/services.js';
import type { CliEnvironment } from '../environment.js';
import { openRooms, openServices, type SharedRooms } from '../services.js';
import type { RecipeMember } from './recipe.js';
import { type SelectionOptions, selectionOf } from './run-options.js';

/** A recipe whose stages can be asked what would become of them; each is asked at most once. */
export class PlannedRecipe {
  readonly recipe: RecipeMember;
  readonly graph: Graph<StageServices>;
  readonly services: StageServices;
  readonly #options;
  readonly #resolver: NodeResolver<StageServices>;

  constructor(
    recipe: RecipeMember,
    {
      environment,
      rooms,
      signal,
    }: { readonly environment: CliEnvironment; readonly rooms: SharedRooms; readonly signal: AbortSignal },
  ) {
    this.recipe = recipe;
    this.graph = pipelineOf(recipe.value);
    this.services = openServices(recipe.value, environment, rooms);
    this.#options = { state: environment.state, seed: recipe.value.seed, services: this.services, signal };
    this.#resolver = new NodeResolver(this.#options);
  }

  /** What `secpi run` with the same options would do. */
  entries(options: SelectionOptions): Promise<readonly PlanEntry[]> {
    const { graph } = this;
    return planRun({ ...this.#options, graph, resolver: this.#resolver, selection: selectionOf(options) });
  }

  /** Of a stage's inputs those that are made already. The stage itself is not asked, nor what cannot be told. */
  async inputsOf(stage: string): Promise<Readonly<Record<string, ArtifactReader>>> {
    const made = new Map<string, ArtifactReader>();
    for (const node of this.graph.nodes) {
      const found = Object.entries(node.inputs).flatMap(([name, source]) => {
        const artifact = made.get(source);
        return artifact === undefined ? [] : [[name, artifact] as const];
      });
      const inputs = Object.fromEntries(found);
      if (node.name === stage) return inputs;
      if (found.length < Object.keys(node.inputs).length) continue;
      const resolution = await this.#resolver.resolve(node, inputs, false).catch((thrown: unknown) => {
        this.#options.signal.throwIfAborted();
        if (expectedError(thrown) === undefined) throw thrown;
      });
      if (resolution?.state === 'cached') made.set(node.name, resolution.artifact);
    }
    throw new TypeError(`the flow has no stage "${stage}"`);
  }

  /** What each stage is, so that those of other members that are the same can be found. */
  identities(): Promise<ReadonlyMap<string, Sha256 | undefined>> {
    return identitiesOf(this.graph, this.#resolver);
  }
}

/** Whoever waits for a plan is less patient with the Hub than a run is. */
const hubRetries = 1;

/** The recipes, to be planned. */
export function toPlan(
  members: readonly RecipeMember[],
  environment: CliEnvironment,
  signal: AbortSignal,
): readonly PlannedRecipe[] {
  const rooms = openRooms(environment, { hubRetries });
  return members.map((recipe) => new PlannedRecipe(recipe, { environment, rooms, signal }));
}
