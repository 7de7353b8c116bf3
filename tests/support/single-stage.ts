/** Runs one stage through the real engine: its inputs come from stages that write what the test says. */
import { join } from 'node:path';
import { z } from 'zod';
import { sha256, sha256Json } from '../../src/base/hash.js';
import type { ArtifactReader } from '../../src/engine/artifact.js';
import { inspectArtifact } from '../../src/engine/artifact-store.js';
import type { JournalEvent, RunFinished } from '../../src/engine/event.js';
import { buildGraph, type GraphNode, graphNode } from '../../src/engine/graph.js';
import { executeRun } from '../../src/engine/runner.js';
import { defineStage, type StageDefinition } from '../../src/engine/stage.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import type { StageServices } from '../../src/stages/services.js';

/** Files of an artifact by name: text, or bytes. */
export type FixtureFiles = Readonly<Record<string, string | Uint8Array>>;

export interface StageRunOptions<Params, Input extends string> {
  /** Folder for the engine's state; the same one again means a second run. */
  readonly home: string;
  readonly stage: StageDefinition<Params, Input, StageServices>;
  /** As a recipe would write them: defaults are filled in. */
  readonly params: unknown;
  readonly inputs: Readonly<Record<Input, FixtureFiles>>;
  readonly services?: Partial<StageServices>;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export interface StageRunResult {
  readonly outcome: RunFinished['outcome'];
  /** Of the stage itself: `done`, `cached`, `failed`. */
  readonly stage: string;
  readonly exitCode: number;
  readonly error: RunFinished['error'];
  readonly events: readonly JournalEvent[];
  /** Log messages of the stage, in order. */
  readonly logs: readonly string[];
  /** What the stage made. Throws when it made nothing. */
  readonly artifact: ArtifactReader;
}

export async function runStage<Params, Input extends string>(
  options: StageRunOptions<Params, Input>,
): Promise<StageRunResult> {
  const { stage, home } = options;
  const state = stateDirectory(join(home, 'state'));
  const names = Object.keys(options.inputs) as Input[];
  const nodes: GraphNode<StageServices>[] = names.map((name) => fixtureNode(name, options.inputs[name]));
  const inputs = Object.fromEntries(names.map((name) => [name, `fixture-${name}`])) as Record<Input, string>;
  nodes.push(graphNode({ name: stage.name, stage, params: stage.params.parse(options.params), inputs }));
  const events: JournalEvent[] = [];
  const { finished, exitCode } = await executeRun({
    graph: buildGraph(nodes),
    state,
    seed: options.seed ?? 7,
    services: servicesWith(options.services ?? {}),
    signal: options.signal ?? new AbortController().signal,
    recipe: { name: 'test', sha256: sha256('test') },
    version: '0.0.0',
    redact: (text) => text,
    onEvent: (event) => events.push(event),
  });
  const summary = finished.stages.at(-1);
  const found =
    summary?.fingerprint == null ? undefined : await inspectArtifact(state, stage.name, summary.fingerprint);
  return {
    outcome: finished.outcome,
    stage: summary?.outcome ?? 'missing',
    exitCode,
    error: finished.error,
    events,
    logs: events.flatMap((event) => (event.type === 'log' ? [event.message] : [])),
    get artifact() {
      if (found?.state === 'whole') return found.artifact;
      throw new Error(`${stage.name} made no artifact: ${JSON.stringify(finished.error)}`);
    },
  };
}

function fixtureNode(name: string, files: FixtureFiles): GraphNode<StageServices> {
  const hashes = Object.fromEntries(Object.entries(files).map(([path, content]) => [path, sha256(content)]));
  const stage = defineStage<Record<never, never>, never, StageServices>({
    name: `fixture-${name}`,
    version: 1,
    params: z.strictObject({}),
    inputs: [],
    pins: async () => ({ files: sha256Json(hashes) }),
    run: async ({ output }) => {
      // A row file is closed by the engine; plain text is all that fixtures need.
      for (const [path, content] of Object.entries(files)) await output.text(path, content as string);
      return { counts: {} };
    },
  });
  return graphNode({ name: `fixture-${name}`, stage, params: {}, inputs: {} });
}

/** Services of which only the given ones may be touched. */
function servicesWith(given: Partial<StageServices>): StageServices {
  return new Proxy(given, {
    get(target, name) {
      if (name in target) return target[name as keyof StageServices];
      throw new Error(`the test gives no ${String(name)}`);
    },
  }) as StageServices;
}

/** All rows of a JSON Lines file in an artifact. */
export async function rowsOf<T>(artifact: ArtifactReader, name: string, schema: z.ZodType<T>): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of artifact.rows(name, schema)) rows.push(row);
  return rows;
}
