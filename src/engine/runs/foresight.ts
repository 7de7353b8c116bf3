import { ancestorsOf, type Graph, type GraphNode } from '../flow/graph.js';
import type { Roles } from '../flow/selection.js';

/** A node that would fail, and with what. */
export interface Refusal<Services> {
  readonly node: GraphNode<Services>;
  readonly error: unknown;
}

interface ForesightContext<Services> {
  readonly graph: Graph<Services>;
  readonly roles: Roles;
  readonly services: Services;
  readonly signal: AbortSignal;
}

/** Asks the nodes of a run whether they could be made, each at most once, and only when something is made that leads to it. */
export class Foresight<Services> {
  readonly #context: ForesightContext<Services>;
  readonly #asked = new Map<string, Promise<Refusal<Services> | undefined>>();

  constructor(context: ForesightContext<Services>) {
    this.#context = context;
  }

  /** The first one of this node and all that follow from it in this run that could not be made. */
  async refusalFrom({ name }: GraphNode<Services>): Promise<Refusal<Services> | undefined> {
    const { graph, roles } = this.#context;
    const ahead = graph.nodes.filter(
      (node) => roles.of.get(node.name) === 'run' && (node.name === name || ancestorsOf(graph, node.name).has(name)),
    );
    const answers = await Promise.all(ahead.map((node) => this.#ask(node)));
    return answers.find((answer) => answer !== undefined);
  }

  #ask(node: GraphNode<Services>): Promise<Refusal<Services> | undefined> {
    const { services, signal } = this.#context;
    const known = this.#asked.get(node.name);
    if (known !== undefined) return known;
    const asked = (async () => {
      try {
        await node.stage.ready?.({ params: node.params, services, signal });
        return undefined;
      } catch (error) {
        return { node, error };
      }
    })();
    this.#asked.set(node.name, asked);
    return asked;
  }
}
