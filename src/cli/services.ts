import { availableParallelism } from 'node:os';
import { SecpiError } from '../base/errors.js';
import { openTarget } from '../compute/open-target.js';
import type { HashFiles } from '../compute/places/manifest.js';
import { pythonIdentity } from '../compute/python-identity.js';
import { trainerEnvironment } from '../compute/trainer-environment.js';
import { rememberedHashes } from '../engine/artifacts/remembered-hashes.js';
import { lazyHub } from '../hub/lazy-hub.js';
import { identityOf, type ModelSpec, modelSpecSchema } from '../models/model-spec.js';
import { openModel } from '../models/open-model.js';
import { serveFolder } from '../models/servers/serve-folder.js';
import type { Recipe } from '../pipeline.js';
import { sandboxFacts } from '../sandbox/remembered-sandbox.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { type Catalogue, catalogueDigest, loadCatalogue } from '../security/catalogue.js';
import { findPythonEnvironment } from '../setup/python-environment.js';
import type { StageServices } from '../stages/services.js';
import { loadSuite, suiteDigest } from '../suites/registry.js';
import type { Suite } from '../suites/suite.js';
import type { CliEnvironment } from './environment.js';
import { targetNamed } from './recipes/target-named.js';

/**
 * The rooms, opened as the recipe says and only when somebody asks for them. `hubRetries`: how often the Hub is asked again that does not
 * answer; a run is patient, a person who waits for a plan is not.
 */
export function openServices(
  recipe: Recipe,
  environment: CliEnvironment,
  { hubRetries }: { readonly hubRetries?: number } = {},
): StageServices {
  const { variables, cache, state, redact } = environment;
  const python = once(() => findPythonEnvironment(cache));
  const hashFiles: HashFiles = (folder, names, signal) => rememberedHashes(state, folder, names, signal);
  const sandboxes = new Map<boolean, Promise<Sandbox>>();
  const suites = new Map<string, Promise<Suite>>();
  let catalogue: Catalogue | undefined;
  const retry = hubRetries === undefined ? {} : { retries: hubRetries };
  const hub = lazyHub({ hubUrl: variables.HF_ENDPOINT, token: variables.HF_TOKEN, redact, retry });

  const sandbox: StageServices['sandbox'] = ({ withoutIsolation } = { withoutIsolation: false }) =>
    remembered(sandboxes, withoutIsolation, async () => {
      const { openSandbox } = await import('../sandbox/open-sandbox.js');
      return openSandbox({ allowNone: withoutIsolation, cacheFolder: cache });
    });

  return {
    // Parsing it takes longer than everything else a run without work does.
    get catalogue() {
      catalogue ??= loadCatalogue();
      return catalogue;
    },
    catalogueDigest: catalogueDigest(),
    hub,
    models: {
      open(name, onLog) {
        return openModel({
          name,
          spec: modelNamed(recipe, name),
          stateDir: state.root,
          env: (key) => variables[key],
          redact,
          ...(onLog === undefined ? {} : { onLog }),
        });
      },
      async pin(name, files) {
        const spec = modelNamed(recipe, name);
        return {
          identity: identityOf(spec),
          recording: spec.replay === undefined ? null : await files.file(spec.replay),
        };
      },
      servingEnvironment: () => pythonIdentity('auto'),
      serve(served, onLog) {
        const spec = modelSpecSchema.parse({
          model: 'target',
          concurrency: { start: servedConcurrency, max: servedConcurrency },
        });
        return openModel({
          name: 'target',
          spec,
          identity: served.identity,
          stateDir: state.root,
          env: () => undefined,
          redact,
          ...(onLog === undefined ? {} : { onLog }),
          async startServer(signal) {
            const { python: interpreter } = await python();
            const threads = Math.min(4, availableParallelism());
            return serveFolder({
              name: 'target',
              folder: served.folder,
              servedName: 'target',
              work: served.work,
              python: interpreter,
              env: trainerEnvironment(interpreter, variables, threads),
              threads,
              startTimeoutSeconds: serverStartSeconds,
              redact,
              signal,
            });
          },
        });
      },
    },
    target(name) {
      return openTarget(targetNamed(recipe, name), { python, variables, hashFiles });
    },
    sandbox,
    sandboxFacts(options) {
      const withoutIsolation = options?.withoutIsolation ?? false;
      const path = variables.PATH ?? '';
      return sandboxFacts({ cacheFolder: cache, path, withoutIsolation, open: () => sandbox(options) });
    },
    suite(name) {
      return remembered(suites, name, () => loadSuite(name));
    },
    suiteDigest,
  };
}

/** Questions to our own CPU server at once; more only wait in its queue. */
const servedConcurrency = 4;
/** Loading 65 GB of weights from a slow disk takes its time. */
const serverStartSeconds = 900;

function modelNamed(recipe: Recipe, name: string): ModelSpec {
  const { target: _target, ...others } = recipe.models;
  const spec = (others as Readonly<Record<string, ModelSpec>>)[name];
  if (spec !== undefined) return spec;
  throw new SecpiError('recipe/unknown-model', `there is no \`${name}\` under \`models\``, {
    hint: `Models that can be asked: ${Object.keys(others).join(', ') || 'none'}.`,
    exitCode: 2,
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function remembered<Key, Value>(known: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
