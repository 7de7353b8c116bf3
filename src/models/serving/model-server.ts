import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { sha256Json } from '../../base/hash.js';
import { type Lock, tryLock } from '../../base/locks/lock.js';
import { createRedactor, type Redactor } from '../../base/redact.js';
import { JobFailure } from '../../compute/jobs/run-job.js';
import { Service, ServiceNotReady } from '../../compute/jobs/service.js';
import { getFrom } from '../../compute/places/get-from.js';
import type { Place, Route } from '../../compute/places/place.js';
import type { ServerPlan } from './server-plan.js';

/** Where a server of ours is reached right now, and with what. */
export interface ServerAddress {
  /** Including `/v1`. */
  readonly endpoint: string;
  /** A Unix socket to be connected to instead. */
  readonly socketPath: string | undefined;
  readonly apiKey: string;
}

/** A server of ours, started when it is first needed; ends when all who hold it have let it go. */
export interface ModelServer extends AsyncDisposable {
  /** The way to it, once it is ready; another one after it was started again. */
  connect(signal: AbortSignal): Promise<ServerAddress>;
  /** Why no answer can come any more; `restarts` if it died and will be started once more; `undefined` while it lives. */
  death(): Promise<Error | 'restarts' | undefined>;
}

export interface ModelServerOptions {
  /** For messages: `model "teacher"`. */
  readonly name: string;
  /** What is served, how and where: names its folder. */
  readonly digest: string;
  readonly place: Place;
  /** Asked for when it is started. */
  readonly plan: () => Promise<ServerPlan>;
  /** What else it gets to see, beside the key. */
  readonly secrets?: () => Readonly<Record<string, string>>;
  /** The version that has to answer; unknown for our own server, whose packages are pinned. */
  readonly version: string | undefined;
  readonly beforeStart?: () => Promise<void>;
  /** Where state lives; what is known of servers is below `services/`. */
  readonly stateDir: string;
  readonly startTimeoutSeconds: number;
  readonly redact: Redactor;
  readonly onNote: (message: string) => void;
}

/** A server that is a job at a place. */
export function modelServer(options: ModelServerOptions): ModelServer {
  const { name, place, version, redact } = options;
  const apiKey = randomBytes(32).toString('hex');
  const hideKey = createRedactor({}, [apiKey]);
  const say = (text: string): string => redact(hideKey(text));
  const addresses = new WeakMap<Route, Promise<ServerAddress>>();
  let slot: Promise<{ readonly service: Service; readonly lock: Lock }> | undefined;

  const open = async () => {
    const plan = await options.plan();
    const secrets = options.secrets?.();
    const { folder, lock } = await claim(join(options.stateDir, 'services', options.digest));
    const service = new Service(place, plan.spec, {
      key: `secpi-serve-${sha256Json([hostname(), folder]).slice(0, 16)}`,
      folder,
      secrets: { ...secrets, [plan.keyVariable]: apiKey },
      healthPath: '/health',
      startTimeoutSeconds: options.startTimeoutSeconds,
      onNote: (message) => options.onNote(`${name}: ${message}`),
      ...(options.beforeStart === undefined ? {} : { beforeStart: options.beforeStart }),
    });
    return { service, lock };
  };

  const addressOf = async (route: Route): Promise<ServerAddress> => {
    if (version !== undefined) await checkVersion(route, version, name);
    return { endpoint: `http://${route.host}:${route.port}/v1`, socketPath: route.socketPath, apiKey };
  };

  return {
    async connect(signal) {
      slot ??= open();
      const { service } = await slot;
      try {
        const route = await service.connect(signal);
        const known = addresses.get(route) ?? addressOf(route);
        addresses.set(route, known);
        return await known;
      } catch (error) {
        signal.throwIfAborted();
        throw inWords(error);
      }
    },
    async death() {
      const death = await (await slot)?.service.death();
      return death instanceof Error ? inWords(death) : death;
    },
    async [Symbol.asyncDispose]() {
      const opened = await slot?.catch(() => undefined);
      await opened?.service[Symbol.asyncDispose]();
      await opened?.lock.release();
    },
  };

  function inWords(error: unknown): Error {
    if (error instanceof ServiceNotReady) {
      const said = error.tail === '' ? 'it said nothing' : `the last it said: ${say(error.tail)}`;
      const way = error.complaint === '' ? '' : `; the way to it: ${say(error.complaint)}`;
      return new SecpiError(
        'models/server-not-ready',
        `The server of ${name} was not ready within ${options.startTimeoutSeconds} s; ${said}${way}`,
        { hint: 'Raise start_timeout_seconds, or see its log.' },
      );
    }
    if (!(error instanceof JobFailure)) return error as Error;
    return new SecpiError('models/server-died', `The server of ${name} ended (${howOf(error)}): ${say(whyOf(error))}`, {
      hint: `Its whole log: the newest log.txt below ${join(error.folder, 'attempts')} on ${place.name}.`,
    });
  }
}

/** What our own server leaves when it fails. */
const resultSchema = z.looseObject({ message: z.string() });

const SIGNALS: Readonly<Record<number, string>> = { 134: 'SIGABRT', 137: 'SIGKILL', 139: 'SIGSEGV', 143: 'SIGTERM' };

function howOf({ exit }: JobFailure): string {
  if (exit === undefined) return 'it was killed together with what watched it';
  if (exit.outcome === 'stopped') return 'it was stopped from outside';
  if (exit.code === undefined) return exit.error?.code ?? exit.outcome;
  return SIGNALS[exit.code] ?? `exit code ${exit.code}`;
}

/** Its own words, if it had time for any. */
function whyOf({ exit, tail }: JobFailure): string {
  const result = exit?.step === undefined ? undefined : exit.results[exit.step];
  const said = resultSchema.safeParse(result).data;
  return said?.message ?? exit?.error?.message ?? (tail === '' ? 'it said nothing' : tail);
}

/** A folder that no other process uses: two that serve the same need one each. */
async function claim(root: string): Promise<{ readonly folder: string; readonly lock: Lock }> {
  for (let number = 0; ; number += 1) {
    const folder = join(root, String(number));
    const lock = await tryLock(join(folder, 'lock'), new AbortController().signal);
    if (lock !== undefined) return { folder, lock };
  }
}

/** Throws `models/other-version`: another one would answer otherwise, under the name of this one. */
async function checkVersion(route: Route, wanted: string, name: string): Promise<void> {
  const found = versionIn((await getFrom(route, '/version'))?.text ?? '');
  if (found === wanted) return;
  const what = found === undefined ? 'does not say its version' : `is of version ${found}`;
  throw new SecpiError('models/other-version', `The server of ${name} ${what}, and the recipe says ${wanted}`, {
    hint: 'Install that version there, or write the one that is there into `serve.version`.',
    exitCode: 2,
  });
}

/** What vLLM says at `/version`: `{"version": "…"}`. */
function versionIn(text: string): string | undefined {
  try {
    return versionSchema.parse(JSON.parse(text)).version;
  } catch {
    return undefined;
  }
}

const versionSchema = z.looseObject({ version: z.string() });
