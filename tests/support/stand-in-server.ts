import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readIfThere } from '../../src/base/files/if-there.js';
import { createRedactor } from '../../src/base/redact.js';
import type { ServicePlan } from '../../src/compute/jobs/keyed-service.js';
import { here } from '../../src/compute/places/here.js';
import type { Place } from '../../src/compute/places/place.js';
import { type ModelServerOptions, modelServer } from '../../src/models/serving/model-server.js';
import { serveSchema } from '../../src/models/serving/serve-spec.js';
import { type ServedWeights, vllmPlan } from '../../src/models/serving/server-plan.js';
import { temporaryFolder } from './temporary-folder.js';

/** One start of the stand-in, as it wrote it down itself. */
interface Start {
  readonly argv: readonly string[];
  readonly pid: number;
  readonly child: number;
  readonly port: number;
}

/** `stand-in-vllm.py` in a folder of its own, to be served from with `.secpi` beside it. */
export interface StandIn extends AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly program: string;
  /** What it is to do from its next start on; see its first lines. */
  behave(behaviour: object): Promise<void>;
  starts(): Promise<readonly Start[]>;
  /** The model that was asked and the process that answered, an answer each. */
  asked(): Promise<readonly { readonly model: string; readonly pid: number }[]>;
}

export async function standIn(): Promise<StandIn> {
  const folder = await temporaryFolder();
  const program = join(folder.path, 'vllm');
  await copyFile(join(import.meta.dirname, 'stand-in-vllm.py'), program);
  await chmod(program, 0o755);
  const lines = async <T>(name: string): Promise<readonly T[]> =>
    ((await readIfThere(join(folder.path, name))) ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  return {
    folder: folder.path,
    stateDir: join(folder.path, 'state'),
    program,
    behave: (behaviour) => writeFile(join(folder.path, 'behaviour.json'), JSON.stringify(behaviour)),
    starts: () => lines<Start>('starts.jsonl'),
    asked: () => lines('asked.jsonl'),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** This machine, as it is for a run. */
const thisMachine: Place = here({
  python: async () => 'python3',
  env: { HOME: process.env.HOME ?? '/' },
  queue: null,
});

const weights: ServedWeights = { hub: 'Qwen/QwQ-32B', revision: 'a'.repeat(40) };

/** The stand-in as the server of a model. */
export function standInServer(
  { program, stateDir }: Pick<StandIn, 'program' | 'stateDir'>,
  more: Partial<ModelServerOptions> & {
    readonly weights?: ServedWeights;
    readonly change?: (plan: ServicePlan) => ServicePlan;
    readonly serve?: object;
  } = {},
) {
  const { weights: served = weights, change = (plan) => plan, serve = {}, ...options } = more;
  const spec = serveSchema.parse({ engine: 'vllm', version: '0.33.0', program, ...serve });
  return modelServer({
    name: 'model "teacher"',
    digest: 'stand-in',
    place: thisMachine,
    plan: async () => change(vllmPlan(served, spec)),
    version: spec.version,
    stateDir,
    startTimeoutSeconds: 30,
    redact: createRedactor({ A_TOKEN: 'hf_canary_secret' }),
    onNote: () => undefined,
    ...options,
  });
}

/** Whether a process runs. A zombie does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

/** Waits until a process is gone; the test's own time limit ends that. */
export async function gone(pid: number | undefined): Promise<void> {
  while (pid !== undefined && (await isAlive(pid))) await sleep(20);
}
