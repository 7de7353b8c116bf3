import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { createRedactor, type Redactor } from '../../base/redact.js';
import { KeyedService, type KeyedServiceOptions } from '../../compute/jobs/keyed-service.js';
import { serviceFailure } from '../../compute/jobs/service-failure.js';
import { getFrom } from '../../compute/places/get-from.js';
import type { Route } from '../../compute/places/place.js';

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

export interface ModelServerOptions
  extends Pick<
    KeyedServiceOptions,
    'digest' | 'place' | 'plan' | 'secrets' | 'beforeStart' | 'stateDir' | 'startTimeoutSeconds' | 'onNote'
  > {
  /** For messages: `model "teacher"`. */
  readonly name: string;
  /** The version that has to answer; unknown for our own server, whose packages are pinned. */
  readonly version: string | undefined;
  readonly redact: Redactor;
}

/** A server that is a job at a place. */
export function modelServer({ name, version, redact, onNote, ...options }: ModelServerOptions): ModelServer {
  const addresses = new WeakMap<Route, Promise<ServerAddress>>();
  const service = new KeyedService({
    ...options,
    kind: 'secpi-serve',
    healthPath: '/health',
    onNote: (message) => onNote(`${name}: ${message}`),
  });
  const { apiKey } = service;
  const hideKey = createRedactor({}, [apiKey]);
  const inWords = (error: unknown): Error =>
    serviceFailure(error, {
      ...options,
      name: `server of ${name}`,
      slowHint: 'Raise start_timeout_seconds, or see its log.',
      codes: { notReady: 'models/server-not-ready', died: 'models/server-died' },
      redact: (text) => redact(hideKey(text)),
    });

  const addressOf = async (route: Route): Promise<ServerAddress> => {
    if (version !== undefined) await checkVersion(route, version, name);
    return { endpoint: `http://${route.host}:${route.port}/v1`, socketPath: route.socketPath, apiKey };
  };

  return {
    async connect(signal) {
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
      const death = await service.death();
      return death instanceof Error ? inWords(death) : death;
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
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
