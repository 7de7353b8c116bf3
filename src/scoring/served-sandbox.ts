import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { SecpiError } from '../base/errors.js';
import type { Sha256 } from '../base/hash.js';
import { createRedactor, type Redactor } from '../base/redact.js';
import { KeyedService, type KeyedServiceOptions } from '../compute/jobs/keyed-service.js';
import { JobFailure } from '../compute/jobs/run-job.js';
import { serviceFailure } from '../compute/jobs/service-failure.js';
import { type Route, unreachable } from '../compute/places/place.js';
import type { HeldSandbox, SandboxRun } from '../sandbox/sandbox.js';
import { sandboxFactsSchema } from '../sandbox/sandbox-facts.js';
import type { SelfTestResult } from '../sandbox/self-test.js';
import { attacksSchema, decodeResult, keptName, NOT_KEPT, WIRE, type WireRun, wireErrorSchema } from './wire.js';

/** A sandbox elsewhere. */
export interface ServedSandbox extends HeldSandbox {
  /** Tries to break out of it, there. */
  selfTest(signal: AbortSignal): Promise<readonly SelfTestResult[]>;
}

export interface ServedSandboxOptions
  extends Pick<KeyedServiceOptions, 'digest' | 'place' | 'plan' | 'stateDir' | 'onNote'> {
  readonly redact: Redactor;
}

/** Until the sandbox has been opened and has seen what compilers there are; the time in a queue does not count. */
const START_SECONDS = 600;
/** A run that has its own limits is over by then, whatever happens there; to compile a standard library takes longer. */
const PATIENCE_SECONDS = { facts: 60, run: 900, prepare: 1800, attack: 900 } as const;
/** What a program exits with that is not there. */
const NOT_FOUND = 127;
/** How long nothing may get through before that is an error. */
const SILENT_MS = 600_000;
const RETRY_MS = 1000;

/**
 * The sandbox of another machine, or of a container, through a server that is started there and ends with this. A run that the connection
 * was lost to is run again: it leaves nothing behind, and gives the same.
 *
 * @throws SecpiError when it cannot be served there: `sandbox/server-died` with its own words, `sandbox/server-not-ready`, those of the
 * place; the signal's reason.
 */
export async function servedSandbox(options: ServedSandboxOptions, signal: AbortSignal): Promise<ServedSandbox> {
  const server = new SandboxClient(options);
  try {
    const { level, toolchains, packs } = sandboxFactsSchema.parse(
      await server.ask(WIRE.facts, () => '', PATIENCE_SECONDS.facts, signal),
    );
    return {
      level,
      // The schema's type has its gaps as `undefined`.
      toolchains: toolchains as HeldSandbox['toolchains'],
      packs,
      run: (run, runSignal) => server.run(run, runSignal),
      async prepare(language) {
        await server.ask(WIRE.prepare, () => JSON.stringify({ language }), PATIENCE_SECONDS.prepare, signal);
      },
      async selfTest(testSignal) {
        return attacksSchema.parse(await server.ask(WIRE.attack, () => '', PATIENCE_SECONDS.attack, testSignal));
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class SandboxClient implements AsyncDisposable {
  readonly #service: KeyedService;
  readonly #options: ServedSandboxOptions;
  readonly #redact: Redactor;
  readonly #agents = new Map<Route, Agent>();
  /** Contents that the server should have. */
  readonly #known = new Set<Sha256>();

  constructor(options: ServedSandboxOptions) {
    const { onNote, redact, place } = options;
    this.#options = options;
    this.#service = new KeyedService({
      ...options,
      kind: 'secpi-score',
      healthPath: WIRE.health,
      startTimeoutSeconds: START_SECONDS,
      onNote: (message) => onNote(`sandbox on ${place.name}: ${message}`),
    });
    const hideKey = createRedactor({}, [this.#service.apiKey]);
    this.#redact = (text) => redact(hideKey(text));
  }

  async run(run: SandboxRun, signal: AbortSignal) {
    const body = () => JSON.stringify(this.#encode(run));
    const result = decodeResult(await this.ask(WIRE.run, body, PATIENCE_SECONDS.run, signal));
    const contents = [
      ...run.files.map(({ content }) => content),
      ...Object.values(result.collected).flatMap((file) => ('bytes' in file ? [file.bytes] : [])),
    ];
    for (const name of contents.map(keptName)) if (name !== undefined) this.#known.add(name);
    return result;
  }

  /** What it says to that, however often the connection goes; `body` is asked for anew each time. */
  async ask(path: string, body: () => string, patienceSeconds: number, signal: AbortSignal): Promise<unknown> {
    let failingSince: number | undefined;
    for (;;) {
      const route = await this.#connect(signal);
      try {
        const { status, value } = await this.#send(route, path, body(), patienceSeconds, signal);
        if (status === 200) return value;
        if (status !== NOT_KEPT) throw errorIn(status, value);
        this.#known.clear();
        continue;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SecpiError) throw error;
      }
      const death = await this.#service.death();
      if (death instanceof Error) throw this.#inWords(death);
      if (death === 'restarts') {
        failingSince = undefined;
        continue;
      }
      failingSince ??= performance.now();
      if (performance.now() - failingSince > SILENT_MS) throw unreachable(this.#options.place.name);
      await sleep(RETRY_MS, undefined, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    await this.#service[Symbol.asyncDispose]();
  }

  async #connect(signal: AbortSignal): Promise<Route> {
    try {
      return await this.#service.connect(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#inWords(error);
    }
  }

  async #send(route: Route, path: string, body: string, patienceSeconds: number, signal: AbortSignal) {
    // Not `AbortSignal.timeout`: its clock would outlive every run by a quarter of an hour.
    const ending = new AbortController();
    const end = (): void => ending.abort(signal.reason);
    const clock = setTimeout(end, patienceSeconds * 1000);
    signal.addEventListener('abort', end, { once: true });
    try {
      const { statusCode, body: said } = await request(`http://${route.host}:${route.port}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#service.apiKey}`, 'content-type': 'application/json' },
        body,
        dispatcher: this.#agentTo(route),
        signal: ending.signal,
      });
      return { status: statusCode, value: await said.json() };
    } finally {
      clearTimeout(clock);
      signal.removeEventListener('abort', end);
    }
  }

  #agentTo(route: Route): Agent {
    const { socketPath } = route;
    const connect = socketPath === undefined ? {} : { connect: { socketPath } };
    // Silence is what most of a run is.
    const agent = this.#agents.get(route) ?? new Agent({ headersTimeout: 0, bodyTimeout: 0, ...connect });
    this.#agents.set(route, agent);
    return agent;
  }

  #encode(run: SandboxRun): WireRun {
    const files = run.files.map(({ content, ...file }) => {
      if (typeof content === 'string') return { ...file, content };
      const known = keptName(content);
      if (known !== undefined && this.#known.has(known)) return { ...file, content: { known } };
      return { ...file, content: { base64: Buffer.from(content).toString('base64') } };
    });
    return { ...run, files };
  }

  #inWords(error: unknown): Error {
    if (error instanceof JobFailure && error.exit?.code === NOT_FOUND) {
      const { name } = this.#options.place;
      return new SecpiError('sandbox/no-node', `Node cannot be started on ${name}: ${this.#redact(error.tail)}`, {
        hint: 'Install Node 20.19 or later there, or name it as `node` of that target.',
      });
    }
    return serviceFailure(error, {
      name: `sandbox on ${this.#options.place.name}`,
      place: this.#options.place,
      startTimeoutSeconds: START_SECONDS,
      slowHint: 'See its log.',
      codes: { notReady: 'sandbox/server-not-ready', died: 'sandbox/server-died' },
      redact: this.#redact,
    });
  }
}

/** The error that the sandbox itself has thrown there. */
function errorIn(status: number, value: unknown): SecpiError {
  const said = wireErrorSchema.safeParse(value).data;
  // Somebody else has the port, say; to ask again gives the same.
  if (said === undefined)
    return new SecpiError('sandbox/bad-answer', `what serves the sandbox answers with ${status}, and nothing of ours`);
  const { code, message, hint } = said;
  return new SecpiError(code, message, hint === null ? {} : { hint });
}
