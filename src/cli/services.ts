import { SecpiError } from '../base/errors.js';
import { type Sha256, sha256Json } from '../base/hash.js';
import { bytesSource } from '../compute/bytes-source.js';
import { hardwareOf } from '../compute/hardware.js';
import { openTarget, ownerOf, placeNamed } from '../compute/open-target.js';
import type { HashFiles } from '../compute/places/manifest.js';
import { machineOf } from '../compute/target.js';
import { rememberedHashes } from '../engine/artifacts/remembered-hashes.js';
import { WatchedFiles } from '../engine/flow/pinned-files.js';
import type { PinnedFiles } from '../engine/stage.js';
import { lazyHub } from '../hub/lazy-hub.js';
import { SharedLimits } from '../models/asking/shared-limits.js';
import { withFields } from '../models/further-fields.js';
import { identityOf, type ModelSpec, modelSpecSchema } from '../models/model-spec.js';
import { type ModelLog, openModel } from '../models/open-model.js';
import { SERVED } from '../models/serving/server-plan.js';
import type { Recipe } from '../pipeline.js';
import { sandboxFacts } from '../sandbox/remembered-sandbox.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { type Catalogue, catalogueDigest, loadCatalogue } from '../security/catalogue.js';
import type { PackageSet } from '../setup/pinned-packages.js';
import { findPythonEnvironment } from '../setup/python-environment.js';
import type { StageServices } from '../stages/services.js';
import { loadSuite, suiteDigest, suiteOrigin, suitePacks } from '../suites/registry.js';
import type { Suite } from '../suites/suite.js';
import type { CliEnvironment } from './environment.js';
import { targetNamed } from './recipes/target-named.js';
import { keptJudgementsIn, sandboxOn } from './scoring.js';
import { servingOn } from './serving.js';

/** What does not depend on the recipe, opened when somebody asks for it: the members of a sweep share it. */
export type SharedRooms = ReturnType<typeof openRooms>;

/** `hubRetries`: how often the Hub is asked again that does not answer; a run is patient, a person who waits for a plan is not. */
export function openRooms(
  { cache, variables, redact }: CliEnvironment,
  { hubRetries }: { readonly hubRetries?: number } = {},
) {
  const retry = hubRetries === undefined ? {} : { retries: hubRetries };
  return {
    python: oncePer((packages?: PackageSet) => findPythonEnvironment(cache, packages)),
    answers: new Map<string, Promise<void>>(),
    sandboxes: new Map<boolean, Promise<Sandbox>>(),
    suites: new Map<string, Promise<Suite>>(),
    // Parsing it takes longer than everything else a run without work does.
    catalogues: new Map<string | undefined, Catalogue>(),
    hub: lazyHub({ hubUrl: variables.HF_ENDPOINT, token: variables.HF_TOKEN, redact, retry }),
  };
}

/** The rooms, opened as the recipe says and only when somebody asks for them. */
export function openServices(
  recipe: Recipe,
  environment: CliEnvironment,
  { python, answers, sandboxes, suites, catalogues, hub }: SharedRooms = openRooms(environment),
): StageServices {
  const { variables, cache, state, redact } = environment;
  const hashFiles: HashFiles = (folder, names, signal) => rememberedHashes(state, folder, names, signal);

  const sandbox: StageServices['sandbox'] = ({ withoutIsolation } = { withoutIsolation: false }) =>
    remembered(sandboxes, withoutIsolation, async () => {
      const { openSandbox } = await import('../sandbox/open-sandbox.js');
      return openSandbox({ allowNone: withoutIsolation, cacheFolder: cache });
    });

  const owned = { python, variables, hashFiles, owner: ownerOf(state) };
  const bytes = bytesSource(state, (name) => placeNamed(name, Object.values(recipe.compute), owned));
  const means = { ...owned, bytes, answers };
  const serving = servingOn((name) => targetNamed(recipe, name), means, environment);

  /** What a model is. Of a folder that is its content, which is hashed once: a stage pins it before it asks. */
  const folders = new Map<string, Promise<Sha256>>();
  const identityNamed = async (name: string, spec: ModelSpec, files?: PinnedFiles): Promise<string> => {
    const { serve } = spec;
    if (serve === undefined) return identityOf(spec);
    const environment = await serving.environmentOf(serve);
    if (serve.folder === undefined) return `${identityOf(spec)} by ${sha256Json(environment).slice(0, 16)}`;
    const watched = files ?? new WatchedFiles(state, new AbortController().signal);
    const { folder } = serve;
    const weights =
      files === undefined ? await remembered(folders, name, () => watched.folder(folder)) : await files.folder(folder);
    folders.set(name, Promise.resolve(weights));
    return withFields(`weights:${sha256Json([weights, environment])}`, spec.request);
  };
  const serverFor = (name: string, spec: ModelSpec, onLog: ((log: ModelLog) => void) | undefined) => {
    const { serve, model, revision = '' } = spec;
    if (serve === undefined) return {};
    const weights = serve.folder === undefined ? { hub: model, revision } : { folder: serve.folder };
    const held = serving.hold({ name: `model "${name}"`, serve, on: serve.on, weights, onLog });
    return { server: { held, model: SERVED.model } };
  };

  const limits = new SharedLimits();

  const suiteFiles = { cacheFolder: cache };
  const originOf = (name: string) => suiteOrigin(name, recipe.evaluate.suites[name]?.from);

  const catalogue = (): Catalogue => {
    const known = catalogues.get(recipe.catalogue) ?? loadCatalogue(recipe.catalogue);
    catalogues.set(recipe.catalogue, known);
    return known;
  };
  // Ours is right. One of the recipe's own has to be before anything begins, and not hours later in the first stage that reads it.
  if (recipe.catalogue !== undefined) catalogue();

  return {
    get catalogue() {
      return catalogue();
    },
    catalogueDigest: catalogueDigest(recipe.catalogue),
    hub,
    models: {
      async open(name, onLog) {
        const spec = modelNamed(recipe, name);
        return openModel({
          name,
          spec,
          identity: await identityNamed(name, spec),
          stateDir: state.root,
          env: (key) => variables[key],
          redact,
          limits,
          ...(onLog === undefined ? {} : { onLog }),
          ...serverFor(name, spec, onLog),
        });
      },
      async pin(name, files) {
        const spec = modelNamed(recipe, name);
        return {
          identity: await identityNamed(name, spec, files),
          recording: spec.replay === undefined ? null : await files.file(spec.replay),
          ...(spec.serve === undefined ? {} : { served: await serving.environmentOf(spec.serve) }),
        };
      },
      servingEnvironment: (served) => serving.environmentOf(served),
      async serve(served, onLog) {
        const spec = modelSpecSchema.parse({
          model: 'target',
          concurrency: served.serve?.engine === 'vllm' ? {} : { start: servedConcurrency, max: servedConcurrency },
        });
        const { folder, adapter, asks, identity, next } = served;
        const held = serving.hold({ ...served, name: 'target', weights: { folder, adapter }, needed: next, onLog });
        return openModel({
          name: 'target',
          spec,
          identity,
          stateDir: state.root,
          env: () => undefined,
          redact,
          limits,
          ...(onLog === undefined ? {} : { onLog }),
          server: { held, model: SERVED[asks] },
        });
      },
    },
    target: (name) => openTarget(targetNamed(recipe, name), means),
    pathHere: async (folder, { signal, onNote }) =>
      typeof folder === 'string' ? folder : bytes.bringHere(folder, signal, onNote),
    hardware: (target) => hardwareOf(targetNamed(recipe, target)),
    tunedModel: recipe.models.target,
    machineOf: (target) => machineOf(targetNamed(recipe, target)),
    sandbox,
    sandboxOn: (target, use) => sandboxOn(targetNamed(recipe, target), use, means, environment),
    sandboxFacts(options) {
      const withoutIsolation = options?.withoutIsolation ?? false;
      const path = variables.PATH ?? '';
      return sandboxFacts({ cacheFolder: cache, path, withoutIsolation, open: () => sandbox(options) });
    },
    suite(name) {
      const origin = originOf(name);
      return remembered(suites, `${name} ${JSON.stringify(origin)}`, () => loadSuite(name, origin, suiteFiles));
    },
    keptJudgements: keptJudgementsIn(state),
    suiteDigest: (name) => suiteDigest(originOf(name), suiteFiles),
    suitePacks: (name) => suitePacks(originOf(name)),
    programs: { PATH: variables.PATH ?? '/usr/bin:/bin', HOME: variables.HOME ?? '/' },
  };
}

/** Questions to our own CPU server at once; more only wait in its queue. */
const servedConcurrency = 4;
function modelNamed(recipe: Recipe, name: string): ModelSpec {
  const { target: _target, ...others } = recipe.models;
  const spec = (others as Readonly<Record<string, ModelSpec>>)[name];
  if (spec !== undefined) return spec;
  throw new SecpiError('recipe/unknown-model', `there is no \`${name}\` under \`models\``, {
    hint: `Models that can be asked: ${Object.keys(others).join(', ') || 'none'}.`,
    exitCode: 2,
  });
}

function oncePer<Key, Value>(make: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const known = new Map<Key, Promise<Value>>();
  return (key) => remembered(known, key, () => make(key));
}

function remembered<Key, Value>(known: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
