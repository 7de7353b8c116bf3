import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { getFrom } from '../places/get-from.js';
import { type Place, type Route, unreachable } from '../places/place.js';
import { HANDLE, type Handle, readHandle } from './handle.js';
import type { Address, JobSpec } from './job.js';
import { PlacedJob, type PlacedJobOptions } from './placed-job.js';
import { handleOf, JobFailure } from './run-job.js';

export interface ServiceOptions {
  /** No two jobs have the same. */
  readonly key: string;
  /** A folder on this machine that survives crashes, for this service and this process alone. */
  readonly folder: string;
  /** Variables that its programs see and nobody else. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What has to hold where it runs before it is begun; throws when it does not. */
  readonly beforeStart?: () => Promise<void>;
  /** Answers 200 once it is ready. */
  readonly healthPath: string;
  readonly startTimeoutSeconds: number;
  readonly onNote: (message: string) => void;
}

/** A service that was not ready in time. */
export class ServiceNotReady extends Error {
  override readonly name = 'ServiceNotReady';
  /** The last lines that it printed. */
  readonly tail: string;
  /** What was said of the way to it. */
  readonly complaint: string;

  constructor(tail: string, complaint: string) {
    super('the service was not ready in time');
    this.tail = tail;
    this.complaint = complaint;
  }
}

const probe = { everyMs: 50, mostMs: 1000, growth: 1.3 } as const;
/** A broken connection is seen earlier than the end of the program that broke it, of which an agent looks for news every second. */
const DEATH_WATCH_MS = 4000;
/** So often within its lease a service is told that it is still wanted. */
const renewals = 4;
const releaseTimeoutMs = 60_000;

/** An attempt that runs, or has run. */
interface Running {
  readonly job: PlacedJob;
  readonly route: Route;
  /** Why it is over, once it is. Never rejects. */
  readonly ended: Promise<Error>;
  isOver: boolean;
  /** Ends it, if it has not ended, and the way to it. */
  stop(): Promise<void>;
}

/**
 * A job that serves for as long as this process wants it. It is begun when somebody first connects, and once more when it has died:
 * another attempt of the same job, begun only when the one before is over for certain. It always ends: when it is disposed of, with
 * this process, or, where it does not end with that, when its lease has run out.
 */
export class Service implements AsyncDisposable {
  readonly #place: Place;
  readonly #spec: JobSpec;
  readonly #options: ServiceOptions;
  #running: Promise<Running> | undefined;
  #restarts = 0;
  #isStarting = false;
  #ending = new AbortController();
  #isClosed = false;

  constructor(place: Place, spec: JobSpec, options: ServiceOptions) {
    this.#place = place;
    this.#spec = spec;
    this.#options = options;
  }

  /**
   * The way to it, once it is ready. Whoever asks while it starts shares the start; `signal` ends the waiting, not the start.
   *
   * @throws JobFailure when it ends before it is ready, or a second time; ServiceNotReady; SecpiError when the place cannot be reached;
   * the signal's reason.
   */
  async connect(signal: AbortSignal): Promise<Route> {
    signal.throwIfAborted();
    this.#running ??= this.#begin();
    const asked = this.#running;
    const running = await waitFor(asked, signal);
    if (!running.isOver) return running.route;
    if (this.#running === asked) this.#running = this.#beginAgain(running);
    return this.connect(signal);
  }

  async #beginAgain(dead: Running): Promise<Running> {
    const isSecond = this.#restarts > 0;
    this.#restarts += 1;
    const reason = await dead.ended;
    await dead.stop();
    if (isSecond || this.#isClosed) throw reason;
    this.#options.onNote('it has died; it is started once more');
    return this.#begin();
  }

  /** Why it is gone, if it is; `restarts` if it is begun once more. Waits a moment, because bad news travels slowly. */
  async death(): Promise<Error | 'restarts' | undefined> {
    if (this.#isStarting) return 'restarts';
    const running = await this.#running?.catch(() => undefined);
    if (running === undefined) return undefined;
    if (!running.isOver) await Promise.race([running.ended, sleep(DEATH_WATCH_MS)]);
    if (!running.isOver) return undefined;
    return this.#restarts === 0 || this.#isStarting ? 'restarts' : running.ended;
  }

  /** Ends it for good. What it left is removed, unless it explains a failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#ending.abort(new Error('the service was ended'));
    const running = await this.#running?.catch(() => undefined);
    if (running === undefined) return;
    const hasDied = running.isOver;
    await running.stop();
    if (hasDied) return;
    const { onNote, folder } = this.#options;
    await this.#job({ signal: AbortSignal.timeout(releaseTimeoutMs), onNote }).tidyUp();
    await rm(join(folder, HANDLE), { force: true });
  }

  async #begin(): Promise<Running> {
    this.#isStarting = true;
    return this.#untilItRuns().finally(() => {
      this.#isStarting = false;
    });
  }

  async #untilItRuns(): Promise<Running> {
    const { folder } = this.#options;
    await makeDirectory(folder);
    const attempt = await this.#nextAttempt();
    if (this.#isClosed) throw this.#ending.signal.reason;
    this.#ending = new AbortController();
    const running = await this.#start(attempt, this.#ending);
    try {
      await this.#untilReady(running);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  /** Begins an attempt and stays with it; resolves when it is known where it listens. */
  async #start(attempt: number, ending: AbortController): Promise<Running> {
    const { secrets, onNote, beforeStart } = this.#options;
    let tell: (address: Address) => void = () => undefined;
    const told = new Promise<Address>((resolve) => {
      tell = resolve;
    });
    const job = this.#job({
      signal: ending.signal,
      secrets,
      onNote,
      onAddress: (address) => tell(address),
      ...(beforeStart === undefined ? {} : { beforeStart }),
    });
    const ended = job.run(attempt).then(
      (exit): Error => new JobFailure(exit, job),
      (error: Error) => error,
    );
    const address = await Promise.race([told, ended]);
    if (address instanceof Error) throw address;
    const route = await this.#place.forward(address);
    const running: Running = {
      job,
      route,
      ended,
      isOver: false,
      async stop() {
        ending.abort(new Error('the service was ended'));
        await ended;
        await route[Symbol.asyncDispose]();
      },
    };
    void ended.then(() => {
      running.isOver = true;
    });
    if (!this.#place.attached) void this.#keepRenewing(attempt, running, ending.signal);
    return running;
  }

  async #keepRenewing(attempt: number, running: Running, signal: AbortSignal): Promise<void> {
    const everyMs = ((this.#spec.serves?.leaseSeconds ?? 0) * 1000) / renewals;
    while (!running.isOver && !signal.aborted) {
      // One that does not get through is followed by the next; whoever follows the job tells of a place that is away.
      await running.job.renew(attempt).catch(() => undefined);
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #untilReady(running: Running): Promise<void> {
    const { healthPath, startTimeoutSeconds } = this.#options;
    const deadline = performance.now() + startTimeoutSeconds * 1000;
    for (let pauseMs: number = probe.everyMs; ; pauseMs = Math.min(probe.mostMs, pauseMs * probe.growth)) {
      if ((await getFrom(running.route, healthPath))?.status === 200) return;
      if (running.isOver) throw await running.ended;
      if (performance.now() > deadline) throw new ServiceNotReady(running.job.tail, await running.route.complaint());
      await Promise.race([running.ended, sleep(pauseMs)]);
    }
  }

  /** The number of an attempt that may be begun. One that an earlier process began is ended first: nobody knows its secrets any more. */
  async #nextAttempt(): Promise<number> {
    const file = join(this.#options.folder, HANDLE);
    const ending = new AbortController();
    const job = this.#job({ signal: ending.signal });
    const { name: place, attached } = this.#place;
    const handle = { schema: 1, place, folder: job.folder, attached, told: true } as const;
    const known = handleOf(await readHandle(file), handle, file);
    const state = known === undefined ? undefined : (await job.poll(known.attempt)).state;
    if (known !== undefined && (state === 'running' || state === 'waiting')) {
      ending.abort(new Error('it is ended'));
      await job.follow(known.attempt).catch(() => undefined);
      if (!job.hasFailed) throw unreachable(place);
    }
    const attempt = (known?.attempt ?? 0) + 1;
    await writeJsonAtomic(file, { ...handle, attempt } satisfies Handle);
    return attempt;
  }

  #job(options: Pick<PlacedJobOptions, 'signal'> & Partial<PlacedJobOptions>): PlacedJob {
    const { key, folder } = this.#options;
    const silent = { onEvent: () => undefined, onNote: () => undefined };
    return new PlacedJob(this.#place, this.#spec, { ...silent, key, folder, ...options });
  }
}

/** The value, or the signal's reason if that comes first. */
function waitFor<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
