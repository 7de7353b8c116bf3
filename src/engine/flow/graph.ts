import { SecpiError } from '../../base/errors.js';
import { nearestName } from '../../base/suggestion.js';
import type { StageDefinition } from '../stage.js';

/** One stage at its place in a flow. Params and input names were checked by `graphNode` and are not looked at any more. */
export interface GraphNode<Services> {
  readonly name: string;
  readonly stage: StageDefinition<unknown, string, Services>;
  readonly params: unknown;
  /** For each input of the stage the name of the node that makes it. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Nodes in an order in which they can run. */
export interface Graph<Services> {
  readonly nodes: readonly GraphNode<Services>[];
}

/** Puts a stage into a flow, with `params` as its schema gives them. Types are checked here and forgotten. */
export function graphNode<Params, Input extends string, Services>(node: {
  readonly name: string;
  readonly stage: StageDefinition<Params, Input, Services>;
  readonly params: NoInfer<Params>;
  readonly inputs: Readonly<Record<Input, string>>;
}): GraphNode<Services> {
  // Safe because `params` travels with the one stage that it was typed for.
  return { ...node, stage: node.stage as unknown as StageDefinition<unknown, string, Services> };
}

const NAME = /^[a-z][a-z0-9-]*$/;

/** The node of that name, or `engine/unknown-stage` (bad usage) with the likely name in the hint. */
export function nodeOf<Services>(graph: Graph<Services>, name: string): GraphNode<Services> {
  const node = graph.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  const known = graph.nodes.map((candidate) => candidate.name);
  const near = nearestName(name, known);
  throw new SecpiError('engine/unknown-stage', `there is no stage "${name}"`, {
    hint: near === undefined ? `Stages are: ${known.join(', ')}` : `Did you mean "${near}"?`,
    exitCode: 2,
  });
}

/** Checks a flow and puts it in running order, keeping the given order where inputs allow. A mistake is a bug of the caller. */
export function buildGraph<Services>(nodes: readonly GraphNode<Services>[]): Graph<Services> {
  const byName = new Map<string, GraphNode<Services>>();
  for (const node of nodes) {
    if (!NAME.test(node.name) || !NAME.test(node.stage.name)) throw new TypeError(`bad stage name "${node.name}"`);
    if (byName.has(node.name)) throw new TypeError(`two stages are called "${node.name}"`);
    byName.set(node.name, node);
    const given = Object.keys(node.inputs).sort().join(', ');
    const wanted = [...node.stage.inputs].sort().join(', ');
    if (given !== wanted) throw new TypeError(`${node.name} has the inputs [${given}] but its stage reads [${wanted}]`);
  }
  const ordered: GraphNode<Services>[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (node: GraphNode<Services>, path: readonly string[]): void => {
    if (state.get(node.name) === 'done') return;
    if (state.get(node.name) === 'open') throw new TypeError(`stages in a circle: ${[...path, node.name].join(' → ')}`);
    state.set(node.name, 'open');
    for (const source of Object.values(node.inputs)) {
      const upstream = byName.get(source);
      if (upstream === undefined) throw new TypeError(`${node.name} reads "${source}", which is no stage`);
      visit(upstream, [...path, node.name]);
    }
    state.set(node.name, 'done');
    ordered.push(node);
  };
  for (const node of nodes) visit(node, []);
  return { nodes: ordered };
}

/** Names of everything that a node reads, directly or through others. */
export function ancestorsOf<Services>(graph: Graph<Services>, name: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: GraphNode<Services>): void => {
    for (const source of Object.values(node.inputs)) {
      if (found.has(source)) continue;
      found.add(source);
      visit(nodeOf(graph, source));
    }
  };
  visit(nodeOf(graph, name));
  return found;
}
