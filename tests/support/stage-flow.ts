import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readLines } from '../../src/base/files/read-lines.js';
import { sha256 } from '../../src/base/hash.js';
import { hardwareOf } from '../../src/compute/hardware.js';
import type { ArtifactReader } from '../../src/engine/artifacts/artifact.js';
import type { RowWriter } from '../../src/engine/artifacts/output-directory.js';
import { buildGraph, type GraphNode, graphNode } from '../../src/engine/flow/graph.js';
import type { ErrorReport, JournalEvent, StageSummary } from '../../src/engine/runs/event.js';
import { executeRun } from '../../src/engine/runs/runner.js';
import { defineStage } from '../../src/engine/stage.js';
import { type StateDirectory, stateDirectory } from '../../src/engine/state-directory.js';
import { openHub } from '../../src/hub/open-hub.js';
import { type ModelSpec, modelSpecSchema } from '../../src/models/model-spec.js';
import { openModel } from '../../src/models/open-model.js';
import { catalogueDigest, loadCatalogue } from '../../src/security/catalogue.js';
import type { StageServices } from '../../src/stages/services.js';
import { KeptJudgements } from '../../src/suites/judging/kept-judgements.js';
import { loadSuite, suiteDigest, suiteOrigin, suitePacks } from '../../src/suites/registry.js';

/** Where a stage runs in a test: a state directory of its own, gone at the end of the scope. */
export interface StageHome extends AsyncDisposable {
  readonly folder: string;
  readonly state: StateDirectory;
}

export async function stageHome(): Promise<StageHome> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-stage-'));
  return {
    folder,
    state: stateDirectory(join(folder, 'state')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a test lays out as the artifact of an earlier stage. */
export interface GivenArtifact {
  /** By path: a text as it is, an array as JSON Lines, anything else as JSON. */
  readonly files: Readonly<Record<string, unknown>>;
  readonly counts?: Readonly<Record<string, number>>;
  readonly reasons?: Readonly<Record<string, number>>;
  readonly tools?: Readonly<Record<string, string>>;
  readonly tokens?: { readonly input: number; readonly output: number };
}

/** A node that makes an artifact of given content, standing in for the stages before the one under test. */
export function given<Services>(name: string, artifact: GivenArtifact): GraphNode<Services> {
  const stage = defineStage<GivenArtifact, never, Services>({
    name,
    version: 1,
    params: z.custom<GivenArtifact>(),
    inputs: [],
    seeded: false,
    pins: async ({ params }) => ({ content: JSON.stringify(params) }),
    run: async ({ params: { files, counts = {}, ...rest }, output }) => {
      for (const [path, content] of Object.entries(files)) {
        if (typeof content === 'string') await output.text(path, content);
        else if (Array.isArray(content)) await writeRows(await output.rows(path), content);
        else await output.json(path, content as object);
      }
      return { counts, ...rest };
    },
  });
  return graphNode({ name, stage, params: artifact, inputs: {} });
}

async function writeRows(writer: RowWriter, rows: readonly object[]): Promise<void> {
  for (const row of rows) await writer.write(row);
}

export interface TestRun {
  readonly outcome: string;
  readonly exitCode: number;
  readonly error: ErrorReport | undefined;
  readonly stages: readonly StageSummary[];
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly events: readonly JournalEvent[];
  /** Outcome of one node. */
  outcomeOf(node: string): string | undefined;
  /** What a node made; throws when it made nothing. */
  artifact(node: string): Promise<ArtifactReader>;
  /** The rows of a JSON Lines file of an artifact, unchecked. */
  rows<T = Record<string, unknown>>(node: string, file: string): Promise<T[]>;
  text(node: string, file: string): Promise<string>;
}

/** Runs a small flow through the real engine. */
export async function runNodes<Services>(
  home: StageHome,
  nodes: readonly GraphNode<Services>[],
  services: Services,
  options: {
    readonly seed?: number;
    readonly signal?: AbortSignal;
    readonly onEvent?: (event: JournalEvent) => void;
  } = {},
): Promise<TestRun> {
  const events: JournalEvent[] = [];
  const { finished, exitCode, artifacts } = await executeRun({
    graph: buildGraph(nodes),
    state: home.state,
    seed: options.seed ?? 3,
    services,
    signal: options.signal ?? new AbortController().signal,
    recipe: { name: 'test', sha256: sha256('test') },
    version: '0.0.0',
    redact: (text) => text,
    progressEveryMs: 0,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  const artifact = async (node: string): Promise<ArtifactReader> => {
    const made = artifacts.get(node);
    if (made === undefined) throw new Error(`${node} made nothing: ${JSON.stringify(finished)}`);
    return made;
  };
  const text = async (node: string, file: string) => readFile((await artifact(node)).path(file), 'utf8');
  return {
    outcome: finished.outcome,
    exitCode,
    error: finished.error,
    stages: finished.stages,
    metrics: finished.metrics,
    events,
    outcomeOf: (node) => finished.stages.find(({ stage }) => stage === node)?.outcome,
    artifact,
    text,
    rows: async <T>(node: string, file: string) => {
      const rows: T[] = [];
      for await (const { text } of readLines((await artifact(node)).path(file))) rows.push(JSON.parse(text) as T);
      return rows;
    },
  };
}

/** The model settings of a test: asked at this address, without patience. */
export function testModel(spec: Partial<ModelSpec> & { readonly endpoint?: string } = {}): ModelSpec {
  return modelSpecSchema.parse({ model: 'test/model', retries: 1, timeout_seconds: 10, ...spec });
}

/**
 * The services of a run, the real ones where they need nothing from outside: catalogue, suites and models. What a test does not
 * give fails when it is used.
 */
export function testServices(
  home: StageHome,
  options: Partial<StageServices> & { readonly specs?: Readonly<Record<string, ModelSpec>> } = {},
): StageServices {
  const { specs = {}, ...given } = options;
  const absent = (what: string) => (): never => {
    throw new Error(`this test gives no ${what}`);
  };
  const sandbox = given.sandbox ?? (async () => absent('sandbox')());
  const specOf = (name: string): ModelSpec => specs[name] ?? absent(`model ${name}`)();
  return {
    catalogue,
    catalogueDigest: digest,
    models: {
      open: async (name, onLog) =>
        openModel({
          name,
          spec: specOf(name),
          stateDir: home.state.root,
          env: () => undefined,
          redact: (text) => text,
          ...(onLog === undefined ? {} : { onLog }),
        }),
      pin: async (name) => ({ identity: specOf(name).model, recording: null }),
      serve: absent('model server'),
      servingEnvironment: async () => ({ packages: 'test' }),
    },
    target: absent('target'),
    hardware: () => hardwareOf({ local: { device: 'cpu' } }),
    tunedModel: { model: 'secpi/test', tiny: {} },
    machineOf: (target) => target,
    pathHere: async (folder) => (typeof folder === 'string' ? folder : absent('machine that it lies on')()),
    sandbox,
    sandboxOn: absent('sandbox elsewhere'),
    sandboxFacts: sandbox,
    suite: (name) => loadSuite(name, suiteOrigin(name, undefined), { cacheFolder: home.state.root }),
    keptJudgements: (suite, bench) => KeptJudgements.open(join(home.state.root, 'judgements', `${suite}-${bench}`)),
    suitePacks: (name) => suitePacks(suiteOrigin(name, undefined)),
    suiteDigest: (name) => suiteDigest(suiteOrigin(name, undefined), { cacheFolder: home.state.root }),
    programs: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' },
    // Nobody listens on port 9: a stage that reaches for the Hub unasked fails.
    hub: openHub({ hubUrl: 'http://127.0.0.1:9', token: undefined, redact: (text) => text }),
    ...given,
  };
}

// Both once: hundreds of tests ask for them.
const catalogue = loadCatalogue();
const digest = catalogueDigest();
