import { SecpiError } from '../../base/errors.js';
import { ancestorsOf, type Graph, nodeOf } from './graph.js';

/** Which part of a flow to run. Without any of it: everything. */
export interface Selection {
  /** This stage and what follows from it; everything before it has to be there already. */
  readonly from?: string | undefined;
  /** This stage and what it needs. */
  readonly until?: string | undefined;
  /** These stages alone; what they read has to be there already. */
  readonly only?: readonly string[] | undefined;
  /** Run these again even if their artifact is there. */
  readonly force?: readonly string[] | undefined;
}

/**
 * What becomes of a node: `run` = run it unless it is cached; `need` = take it from the store, never run it;
 * `leave` = nobody asked for it.
 */
export type Role = 'run' | 'need' | 'leave';

export interface Roles {
  readonly of: ReadonlyMap<string, Role>;
  readonly forced: ReadonlySet<string>;
}

/** A stage that was left out by the selection, that others need, and that has no artifact. */
export function upstreamMissing(stage: string, why: readonly string[]): SecpiError {
  return new SecpiError('engine/upstream-missing', `"${stage}" has no artifact to go on from: ${why.join('; ')}`, {
    hint: 'Run without --from and --only; what is already there is not made again.',
    exitCode: 2,
  });
}

/** Works a selection out. Throws `engine/unknown-stage` and `engine/bad-selection`, both bad usage. */
export function rolesOf<Services>(graph: Graph<Services>, selection: Selection): Roles {
  const names = graph.nodes.map((node) => node.name);
  const { from, until, only, force = [] } = selection;
  for (const name of [from, until, ...(only ?? []), ...force]) if (name !== undefined) nodeOf(graph, name);

  const chosen = new Set(
    names.filter((name) => {
      if (from !== undefined && name !== from && !ancestorsOf(graph, name).has(from)) return false;
      if (until !== undefined && name !== until && !ancestorsOf(graph, until).has(name)) return false;
      return only === undefined || only.includes(name);
    }),
  );
  if (chosen.size === 0) {
    throw new SecpiError(
      'engine/bad-selection',
      'no stage is left to run with this choice of --from, --until and --only',
      {
        exitCode: 2,
      },
    );
  }
  const notChosen = force.find((name) => !chosen.has(name));
  if (notChosen !== undefined) {
    throw new SecpiError('engine/bad-selection', `"${notChosen}" is to be forced but is not among the stages to run`, {
      exitCode: 2,
    });
  }
  const needed = new Set([...chosen].flatMap((name) => [...ancestorsOf(graph, name)]));
  const role = (name: string): Role => (chosen.has(name) ? 'run' : needed.has(name) ? 'need' : 'leave');
  return { of: new Map(names.map((name) => [name, role(name)])), forced: new Set(force) };
}
