import type { Sha256 } from '../../base/hash.js';
import { fingerprintOf } from './fingerprint.js';
import type { Graph } from './graph.js';
import type { NodeResolver } from './resolve-node.js';

/**
 * What each node of a flow is by itself and by what it reads, before anything is made: two nodes with the same identity have, once their
 * inputs are there, the same fingerprint. Undefined where something that decides it cannot be asked now.
 */
export async function identitiesOf<Services>(
  graph: Graph<Services>,
  resolver: NodeResolver<Services>,
): Promise<ReadonlyMap<string, Sha256 | undefined>> {
  const identities = new Map<string, Sha256 | undefined>();
  for (const node of graph.nodes) {
    const inputs: Record<string, Sha256> = {};
    for (const [name, source] of Object.entries(node.inputs)) {
      const identity = identities.get(source);
      if (identity !== undefined) inputs[name] = identity;
    }
    const isKnown = Object.keys(inputs).length === Object.keys(node.inputs).length;
    // Why it cannot be asked is what the plan says.
    const preimage = isKnown ? await resolver.preimage(node, {}).catch(() => undefined) : undefined;
    identities.set(node.name, preimage === undefined ? undefined : fingerprintOf({ ...preimage, inputs }));
  }
  return identities;
}
