import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SecpiError } from '../../base/errors.js';
import { isLeaving } from '../../engine/runs/interruption.js';
import { type Place, UNREACHABLE, unreachable } from '../places/place.js';
import { gib, sum } from '../sizes.js';
import type { Address, AgentLine, AttemptState, JobExit, JobSpec, KeptOutput } from './job.js';
import { savedBy } from './saved-by.js';
import { stateOf } from './stop-job.js';

export interface PlacedJobOptions {
  /** No two jobs have the same. */
  readonly key: string;
  /** A folder on this machine that survives crashes: what is known of the job, and, where it runs here, the job itself. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** What has to hold where it runs before an attempt is begun; throws when it does not. */
  readonly beforeStart?: () => Promise<void>;
  /** A whole line that one of its programs reports. Every line of an attempt comes once, from its first on. */
  readonly onEvent: (line: string) => void;
  /** What happens to the job rather than in it. */
  readonly onNote: (message: string) => void;
  /** Values that its programs see and nobody else, by variable: in no argument, and on a disk only on the way to them. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Names of outputs, folders, that stay where they were made, unless that is a disk of this machine. */
  readonly keep?: readonly string[];
  /** Where a service listens, seen from its machine; may be told more than once. */
  readonly onAddress?: (address: Address) => void;
}

/** How much of what a job prints is kept for the case that it fails. */
const tailLines = 12;
const retry = { firstMs: 500, growth: 2, mostMs: 30_000 } as const;
/** Beyond the seconds that a job has to stop by itself. */
const stopSlackSeconds = 30;

/** What a job has made, by name: paths on this machine, and what is not here. */
export interface Collected {
  readonly outputs: Readonly<Record<string, string>>;
  readonly kept: Readonly<Record<string, KeptOutput>>;
}

/** One job at its place: what can be asked of it there. */
export class PlacedJob {
  /** Where the job lies, there. */
  readonly folder: string;
  readonly #place: Place;
  readonly #spec: JobSpec;
  readonly #options: PlacedJobOptions;
  #lines: readonly string[] = [];
  #hasFailed = false;
  #seen = '';

  constructor(place: Place, spec: JobSpec, options: PlacedJobOptions) {
    this.#place = place;
    this.#spec = spec;
    this.#options = options;
    this.folder = place.folderOf({ here: join(options.folder, 'job'), key: options.key });
  }

  /** The last that it has printed, as far as it has been followed. */
  get tail(): string {
    return this.#lines.join('\n').trimEnd();
  }

  /** Whether the newest attempt has been seen to be over, and not done. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** @throws SecpiError `compute/unreachable`. */
  poll(attempt: number): Promise<AttemptState> {
    return stateOf(this.#place, { folder: this.folder, attempt }, this.#options.signal);
  }

  /** Starts an attempt and stays with it to its end: its exit record, or undefined when it is lost. */
  async run(attempt: number): Promise<JobExit | undefined> {
    const { key, signal, secrets = {} } = this.#options;
    // How one before it ended says nothing about this one.
    this.#hasFailed = false;
    this.#lines = [];
    const { inputs, graceSeconds, serves, ...rest } = this.#spec;
    await this.#options.beforeStart?.();
    const placed = await this.#place.bring(inputs, signal, this.#options.onNote);
    const { attached, bind, queue } = this.#place;
    const service = serves === undefined ? null : { bind, lease_seconds: attached ? null : serves.leaseSeconds };
    const named = { secrets: Object.keys(secrets), inputs: placed, grace_seconds: graceSeconds, service };
    const spec = { schema: 1, key, ...rest, ...named };
    const request = { folder: this.folder, attempt, spec, secrets, attached, launcher: queue };
    // Where the job ends with whoever started it, this conversation lasts as long as the job; its signal is not ours, because it
    // is cancelled in words.
    const closed = new AbortController();
    const starting = this.#place.ask('start', request, closed.signal)[Symbol.asyncIterator]();
    const first = await starting.next();
    if (first.done === true) throw this.#unreachable();
    const ending = drain(starting).catch(() => undefined);
    try {
      const exit = await this.follow(attempt);
      await ending;
      return exit;
    } finally {
      closed.abort();
      await ending;
    }
  }

  /**
   * Follows an attempt to its end: its exit record, or undefined when it is lost. When the signal is aborted, stops it first; unless the
   * run leaves and the job stays without it: then nobody listens any more, and that is all.
   */
  async follow(attempt: number): Promise<JobExit | undefined> {
    const { signal } = this.#options;
    const offsets = { events: 0, log: 0 };
    const listening = new AbortController();
    const stop = (): void => {
      if (this.#isLeft()) listening.abort(signal.reason);
      else void this.#cancel(attempt, listening);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    try {
      for (let pauseMs: number = retry.firstMs; ; pauseMs = Math.min(retry.mostMs, pauseMs * retry.growth)) {
        const before = offsets.events + offsets.log;
        const state = await this.#listen(attempt, offsets, listening.signal);
        if (state?.state === 'exited' || state?.state === 'lost') {
          this.#hasFailed = state.exit?.outcome !== 'done';
          const saved = signal.aborted && state.exit !== undefined ? savedBy(state.exit) : undefined;
          if (saved !== undefined) this.#options.onNote(saved);
          signal.throwIfAborted();
          return state.exit;
        }
        // Nothing is known. It goes on there, or not; in no case is it begun again.
        if (offsets.events + offsets.log > before) pauseMs = retry.firstMs;
        this.#options.onNote(`no word from ${this.#place.name}; asking again in ${Math.round(pauseMs / 1000)} s`);
        await sleep(pauseMs, undefined, { signal: listening.signal });
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Says that a service is still wanted. Nothing is known when that cannot be said. */
  async renew(attempt: number): Promise<void> {
    const request = { folder: this.folder, attempt };
    for await (const _line of this.#place.ask('renew', request, this.#options.signal));
  }

  /** Brings its outputs here, but for those that stay where they can. Done twice it changes nothing. Throws `job/output-gone`. */
  async collect(exit: JobExit): Promise<Collected> {
    const { folder, signal, keep = [], onNote } = this.#options;
    const outputs: Record<string, string> = {};
    const kept: Record<string, KeptOutput> = {};
    const { name: machine, store } = this.#place;
    for (const { name } of this.#spec.outputs) {
      const output = exit.outputs.find((one) => one.name === name);
      if (output === undefined) throw new TypeError(`an agent that has not described ${name}`);
      const { files } = output;
      if (store === undefined || !keep.includes(name)) {
        outputs[name] = await this.#place.fetch(output, join(folder, 'fetched', name), signal);
        continue;
      }
      kept[name] = { machine, path: await store.keep(output, this.folder, signal), files };
      onNote(`${name}, ${gib(sum(files))}, stays on ${machine}`);
    }
    return { outputs, kept };
  }

  /** Removes all of it there. That it cannot be removed costs room there, and nothing else. */
  async tidyUp(): Promise<void> {
    await this.release().catch((error: unknown) => {
      this.#options.onNote(`what the job left on ${this.#place.name} could not be removed: ${messageOf(error)}`);
    });
  }

  /** Removes all of it there. */
  async release(): Promise<void> {
    for await (const _line of this.#place.ask('release', { folder: this.folder }, this.#options.signal));
  }

  /** One conversation: the last state that was said in it, if any. */
  async #listen(
    attempt: number,
    offsets: { events: number; log: number },
    signal: AbortSignal,
  ): Promise<AttemptState | undefined> {
    const request = { folder: this.folder, attempt, offsets: { ...offsets } };
    let state: AttemptState | undefined;
    try {
      for await (const line of this.#place.ask('follow', request, signal)) {
        if (line.type === 'state') state = this.#see(line);
        else if (line.type === 'log' || line.type === 'events') this.#hear(line, offsets);
      }
    } catch (error) {
      if (!isUnreachable(error)) throw error;
    }
    return state;
  }

  #see(state: AttemptState): AttemptState {
    const why = state.why === undefined || state.why === '' ? '' : `: ${state.why}`;
    const seen = state.state === 'waiting' ? `waits in the queue of ${this.#place.name}${why}` : '';
    if (seen !== '' && seen !== this.#seen) this.#options.onNote(seen);
    this.#seen = seen;
    if (state.address !== undefined) this.#options.onAddress?.(state.address);
    return state;
  }

  #hear(line: Extract<AgentLine, { text: string }>, offsets: { events: number; log: number }): void {
    const { type, offset, text, dropped_bytes } = line;
    offsets[type] = offset;
    if (dropped_bytes !== undefined) this.#options.onNote(`passed over a reported line of ${dropped_bytes} bytes`);
    const lines = text.split('\n');
    if (type === 'log') this.#lines = [...this.#lines, ...lines.filter((line) => line !== '')].slice(-tailLines);
    else for (const line of lines) if (line !== '') this.#options.onEvent(line);
  }

  /** Asks for a stop. When the place does not hear it in time, listening ends too: the job may then go on there. */
  async #cancel(attempt: number, listening: AbortController): Promise<void> {
    const patience = AbortSignal.timeout((this.#spec.graceSeconds + stopSlackSeconds) * 1000);
    patience.addEventListener('abort', () => listening.abort(patience.reason), { once: true });
    try {
      for await (const _line of this.#place.ask('cancel', { folder: this.folder, attempt }, patience));
    } catch {
      listening.abort(this.#unreachable());
    }
  }

  #isLeft(): boolean {
    return isLeaving(this.#options.signal) && !this.#place.attached;
  }

  #unreachable(): SecpiError {
    return unreachable(this.#place.name);
  }
}

function isUnreachable(error: unknown): error is SecpiError {
  return error instanceof SecpiError && error.code === UNREACHABLE;
}

/** Listens to what is left of a conversation. */
async function drain(rest: AsyncIterator<unknown>): Promise<void> {
  while ((await rest.next()).done !== true);
}
