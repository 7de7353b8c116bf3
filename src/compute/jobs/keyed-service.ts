import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sha256Json } from '../../base/hash.js';
import { type Lock, tryLock } from '../../base/locks/lock.js';
import type { Place, Route } from '../places/place.js';
import type { JobSpec } from './job.js';
import { Service, type ServiceOptions } from './service.js';

/** A service as a job, and the variable by which it learns the key that it demands. */
export interface ServicePlan {
  readonly spec: JobSpec;
  readonly keyVariable: string;
}

export interface KeyedServiceOptions extends Omit<ServiceOptions, 'key' | 'folder' | 'secrets'> {
  /** Begins the names of its jobs. */
  readonly kind: string;
  /** What is served, how and where: names its folder. */
  readonly digest: string;
  readonly place: Place;
  /** Asked for when it is started. */
  readonly plan: () => Promise<ServicePlan>;
  /** What else it gets to see, beside the key. */
  readonly secrets?: (() => Readonly<Record<string, string>>) | undefined;
  /** Where state lives; what is known of services is below `services/`. */
  readonly stateDir: string;
}

/** A service of this process that answers nobody without the key, which is made anew for each and is written down nowhere here. */
export class KeyedService implements AsyncDisposable {
  readonly apiKey = randomBytes(32).toString('hex');
  readonly #options: KeyedServiceOptions;
  #slot: Promise<{ readonly service: Service; readonly lock: Lock }> | undefined;

  constructor(options: KeyedServiceOptions) {
    this.#options = options;
  }

  /** See `Service.connect`; the first who asks begins it. */
  async connect(signal: AbortSignal): Promise<Route> {
    this.#slot ??= this.#open();
    return (await this.#slot).service.connect(signal);
  }

  /** See `Service.death`. */
  async death(): Promise<Error | 'restarts' | undefined> {
    return (await this.#slot)?.service.death();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#slot?.catch(() => undefined);
    await opened?.service[Symbol.asyncDispose]();
    await opened?.lock.release();
  }

  async #open() {
    const { kind, digest, place, plan, stateDir, secrets, ...options } = this.#options;
    const { spec, keyVariable } = await plan();
    const known = secrets?.();
    const { folder, lock } = await claim(join(stateDir, 'services', digest));
    const key = `${kind}-${sha256Json([hostname(), folder]).slice(0, 16)}`;
    const service = new Service(place, spec, {
      ...options,
      key,
      folder,
      secrets: { ...known, [keyVariable]: this.apiKey },
    });
    return { service, lock };
  }
}

/** A folder that no other process uses: two that serve the same need one each. */
async function claim(root: string): Promise<{ readonly folder: string; readonly lock: Lock }> {
  for (let number = 0; ; number += 1) {
    const folder = join(root, String(number));
    const lock = await tryLock(join(folder, 'lock'), new AbortController().signal);
    if (lock !== undefined) return { folder, lock };
  }
}
