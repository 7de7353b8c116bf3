import { SecpiError } from '../base/errors.js';
import { sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import type { ServicePlan } from '../compute/jobs/keyed-service.js';
import { type Means, openPlace, openTrainers, secretsOf } from '../compute/open-target.js';
import type { Input } from '../compute/places/place.js';
import { pythonIdentity } from '../compute/python-identity.js';
import type { TargetSpec } from '../compute/target.js';
import { checkPackages, containerOf, defaultThreads } from '../compute/trainer-target.js';
import type { ModelLog } from '../models/open-model.js';
import { type ModelServer, modelServer } from '../models/serving/model-server.js';
import { defaultServe, type ServeSpec, servingEnvironment } from '../models/serving/serve-spec.js';
import { type ServedWeights, transformersPlan, vllmPlan } from '../models/serving/server-plan.js';
import { SharedServers } from '../models/serving/shared-servers.js';
import type { Serving } from '../stages/services.js';
import type { CliEnvironment } from './environment.js';

/** What is to be served, for whom. */
export interface WantedServer extends Serving {
  /** For messages: `model "teacher"`. */
  readonly name: string;
  readonly weights: ServedWeights;
  /** Bytes elsewhere that have to be there before anything is begun. */
  readonly needed?: Input | undefined;
  readonly onLog?: ((log: ModelLog) => void) | undefined;
}

/** Where servers of models run: on the machines of the recipe, or on this one. */
export interface ServingHere {
  /** The server of these weights; the one that runs already, if somebody asks the same. */
  hold(wanted: WantedServer): ModelServer;
  environmentOf(serving: Serving): Promise<Json>;
}

/** Servers of one process. */
export function servingOn(
  targetNamed: (name: string) => TargetSpec,
  means: Means,
  { state, redact }: Pick<CliEnvironment, 'state' | 'redact'>,
): ServingHere {
  const servers = new SharedServers();
  const specOf = (on: string | undefined): TargetSpec => (on === undefined ? thisMachine : targetNamed(on));
  return {
    hold({ name, weights, needed, serve = defaultServe, on, onLog }) {
      const spec = specOf(on);
      const place = openPlace(spec, means);
      const digest = sha256Json([place.name, weights, serve] as unknown as Json).slice(0, 24);
      return servers.hold(digest, () =>
        modelServer({
          name,
          digest,
          place,
          plan: () => planOf(weights, serve, spec, means),
          secrets: () => secretsOf(spec, means),
          version: serve.version,
          stateDir: state.root,
          startTimeoutSeconds: serve.start_timeout_seconds,
          redact,
          onNote: (message) => onLog?.({ level: 'info', message }),
          async beforeStart() {
            const { signal } = new AbortController();
            if (needed !== undefined && typeof needed !== 'string') await means.bytes?.assertThere(needed, signal);
            // What is in an image its digest says.
            if (serve.engine === 'transformers' && spec.container === undefined)
              await checkPackages(place, 'trainers', signal);
          },
        }),
      );
    },
    environmentOf({ serve = defaultServe, on }) {
      const { device, container } = openTrainers(specOf(on), means);
      return servingEnvironment(serve, () => pythonIdentity(device, container?.image));
    },
  };
}

const thisMachine: TargetSpec = { local: { device: 'auto' } };

async function planOf(weights: ServedWeights, serve: ServeSpec, spec: TargetSpec, means: Means): Promise<ServicePlan> {
  const trainers = openTrainers(spec, means);
  const inside = (plan: ServicePlan) => ({ ...plan, spec: { ...plan.spec, container: containerOf(trainers) } });
  if (serve.engine === 'vllm') {
    const isHere = spec.container === undefined && openPlace(spec, means).isHere;
    if (isHere) refuseProgram(serve.program, means);
    return inside(vllmPlan(weights, serve));
  }
  if ('hub' in weights) throw new TypeError('our own server takes a folder, which the recipe is checked for');
  const { python, device, threads = defaultThreads } = trainers;
  return inside(transformersPlan(weights.folder, serve, { python: await python(), device, threads }));
}

/** Throws `models/program-not-allowed` for a program of this machine that only the recipe, which may be a stranger's, wants started. */
function refuseProgram(program: string, { variables }: Means): void {
  if (!program.includes('/') || program === variables.SECPI_VLLM) return;
  throw new SecpiError('models/program-not-allowed', `the recipe wants to start ${program} on this machine`, {
    hint: `If that is your vLLM, export SECPI_VLLM=${program}.`,
    exitCode: 2,
  });
}
