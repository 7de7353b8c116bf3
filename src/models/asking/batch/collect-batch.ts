import { SecpiError } from '../../../base/errors.js';
import type { Sha256 } from '../../../base/hash.js';
import type { AnswerKey } from '../../answers/answer-row.js';
import type { ChatAnswer } from '../../chat.js';
import type { AttemptFailure } from '../wire/attempt-failure.js';
import type { Reply } from '../wire/chat-response.js';
import type { Called, ServerBatch } from './batch-api.js';
import { type BatchContext, batchRefused, callAgain, pauseMs } from './batch-context.js';
import { outcomeOf, readLine } from './batch-lines.js';
import type { SentBatch } from './send-batch.js';

/** An answer that is kept now. */
export interface KeptAnswer {
  readonly ok: true;
  readonly answer: ChatAnswer;
  readonly cost_usd: number;
  /** `store` if somebody else has bought it meanwhile. */
  readonly from: 'server' | 'store';
}

export interface Collected {
  /** Of what was not answered, why. */
  readonly failures: ReadonlyMap<string, AttemptFailure>;
  /** How it ended that nothing was answered at all: the server has too much in its queue already. */
  readonly isTooMuch: boolean;
}

/** An answer that came is not on the disk; `cause` says why. The server has nothing to do with that. */
export class NotKept extends Error {
  constructor(cause: unknown) {
    super('an answer could not be kept', { cause });
  }
}

/** So many answers are on their way to the disk at once: they share one fsync. */
const PUTS_AT_ONCE = 512;
/** A file with many more lines than questions is no file of answers. */
const LINES_PER_QUESTION = 4;
const OVER = ['completed', 'failed', 'expired', 'cancelled'];
/** The server's own word for a full queue, and what some say in words. */
const TOO_MUCH = /^token_limit_exceeded$|enqueued token limit/i;

/**
 * Waits for the end of a batch and keeps all of its answers, whoever wants them; `onKept` hears of each. Nothing is lost by a kill at any
 * point, nor by a disk that is full: the answers stay at the server, and those that are kept already are passed over the next time.
 *
 * @throws NotKept; SecpiError `models/batch-refused`, `models/batch-cancelled`, `models/batch-lost`, and those of `callAgain`.
 */
export async function collectBatch(
  context: BatchContext,
  sent: SentBatch,
  onKept: (request: Sha256, kept: KeptAnswer) => void,
  signal: AbortSignal,
): Promise<Collected> {
  const { name, folder } = context;
  const { redact } = context.api();
  const batch = await waitForEnd(context, sent, signal);
  const reading = new Reading(context, sent, onKept);
  for (const file of [batch.output_file_id, batch.error_file_id]) {
    if (file) await readFile(context, sent, file, reading, signal);
  }
  reading.sayStrange();
  // Its answers are on the disk. What follows is said once, and is no reason to look at it again.
  await folder.remove(sent);
  const said = batch.errors?.data ?? [];
  const isTooMuch = said.some(({ code, message }) => TOO_MUCH.test(code ?? '') || TOO_MUCH.test(message ?? ''));
  if (batch.status === 'failed' && !isTooMuch) {
    const [first] = said;
    const where = first?.line ? ` (line ${first.line} of its file)` : '';
    const why = redact(first?.message ?? 'it does not say why').slice(0, 300);
    throw batchRefused(name, `answer a batch of ${reading.total} questions`, `${why}${where}`);
  }
  if (batch.status === 'cancelled') {
    throw new SecpiError(
      'models/batch-cancelled',
      `Somebody has cancelled batch ${sent.id} of model "${name}" at its server`,
      {
        hint: 'What it had answered until then is kept. Run the same command again to ask for the rest.',
      },
    );
  }
  const { failures } = reading;
  for (const request of Object.keys(sent.questions)) {
    if (failures.has(request) || reading.isAnswered(request)) continue;
    const message = `batch ${sent.id} has ended (${redact(batch.status)}) without a word about it`;
    failures.set(request, { ok: false, reason: 'server', retryable: true, message });
  }
  return { failures, isTooMuch: batch.status === 'failed' };
}

async function waitForEnd(
  context: BatchContext,
  { id, batch: record }: SentBatch,
  signal: AbortSignal,
): Promise<ServerBatch> {
  const { name, clock, notices, folder } = context;
  const api = context.api();
  const { redact } = api;
  for (let looks = 0; ; looks += 1) {
    const batch = await callAgain(context, `say how batch ${id} is getting on`, signal, async () => {
      const called = await api.get(id, signal);
      if (!called.ok && called.status === 404)
        throw lost(context, id, folder.pathOf({ batch: record }), called.message);
      return called;
    });
    if (OVER.includes(batch.status)) return batch;
    const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {};
    const done = total === 0 ? '' : `, ${completed + failed} of ${total} done`;
    notices.note(`batch ${id}`, 'info', `${name}: batch ${id} is ${redact(batch.status)}${done}`);
    await clock.sleep(pauseMs(context, looks), signal);
  }
}

async function readFile(
  context: BatchContext,
  { id, batch }: SentBatch,
  file: string,
  reading: Reading,
  signal: AbortSignal,
): Promise<void> {
  const api = context.api();
  await callAgain(context, `give out the answers of batch ${id}`, signal, async (): Promise<Called<undefined>> => {
    await reading.begin();
    try {
      for await (const line of api.lines(file, signal)) {
        if (!(await reading.take(line))) break;
      }
      return { ok: true, value: undefined };
    } catch (error) {
      // Whoever waited for the last answer may have closed the model by now; the record of the batch can go all the same.
      if (reading.hasAll) return { ok: true, value: undefined };
      signal.throwIfAborted();
      const failure = api.failure(error);
      if (!failure.ok && failure.status === 404) {
        throw lost(context, id, context.folder.pathOf({ batch }), failure.message);
      }
      return failure;
    }
  });
  await reading.settle();
}

function lost({ name }: BatchContext, id: string, path: string, message: string): SecpiError {
  return new SecpiError(
    'models/batch-lost',
    `The server of model "${name}" does not know batch ${id} any more: ${message}`,
    {
      hint: `Another key may see it. If its answers are gone for good, delete ${path} and run again: they are bought once more then.`,
    },
  );
}

/** What comes of the lines of a batch. Nothing they hold is taken on trust. */
class Reading {
  readonly failures = new Map<string, AttemptFailure>();
  readonly total: number;
  readonly #context: BatchContext;
  readonly #questions: ReadonlyMap<string, number>;
  readonly #onKept: (request: Sha256, kept: KeptAnswer) => void;
  readonly #answered = new Set<string>();
  #puts: Promise<void>[] = [];
  #notKept: NotKept | undefined;
  #lines = 0;
  #strange = 0;

  constructor(context: BatchContext, { questions }: SentBatch, onKept: (request: Sha256, kept: KeptAnswer) => void) {
    this.#context = context;
    this.#questions = new Map(Object.entries(questions));
    this.#onKept = onKept;
    this.total = this.#questions.size;
  }

  /** Whether every question is answered. */
  get hasAll(): boolean {
    return this.#answered.size === this.total;
  }

  isAnswered(request: string): boolean {
    return this.#answered.has(request);
  }

  /** A file is read from its beginning. Throws `NotKept`: it may have been read in part before. */
  async begin(): Promise<void> {
    await this.settle();
    this.#lines = 0;
  }

  /** False when there is no use in reading on. What the disk does is for `settle` to throw: no server is to blame for it. */
  async take(line: string | undefined): Promise<boolean> {
    this.#lines += 1;
    if (this.#lines > this.total * LINES_PER_QUESTION + 100) return false;
    if (line?.trim() === '') return true;
    const read = line === undefined ? undefined : readLine(line);
    const characters = read && this.#questions.get(read.custom_id);
    if (read === undefined || characters === undefined) {
      this.#strange += 1;
      return true;
    }
    const request = read.custom_id as Sha256;
    // Of several lines about one question the first answer counts.
    if (this.#answered.has(request)) return true;
    const outcome = outcomeOf(read, characters, this.#context.api().redact);
    if (!outcome.ok) {
      this.failures.set(request, outcome);
      return true;
    }
    this.failures.delete(request);
    this.#answered.add(request);
    const put = this.#keep({ request, attempt: 0 }, outcome.reply);
    put.catch((error: unknown) => {
      this.#notKept ??= new NotKept(error);
    });
    this.#puts.push(put);
    if (this.#puts.length >= PUTS_AT_ONCE) await this.#settlePuts();
    return this.#notKept === undefined;
  }

  /** Resolves when all that was read is on the disk. Throws `NotKept`, once nothing is on its way there any more. */
  async settle(): Promise<void> {
    await this.#settlePuts();
    if (this.#notKept !== undefined) throw this.#notKept;
  }

  sayStrange(): void {
    if (this.#strange === 0) return;
    const { name, notices } = this.#context;
    notices.note('batch: lines', 'warn', `${name}: ${this.#strange} lines of a batch are about none of its questions`);
  }

  async #keep(key: AnswerKey, { details, ...reply }: Reply): Promise<void> {
    const { store, ledger } = this.#context;
    const kept = await store.get(key);
    if (kept !== undefined) {
      this.#onKept(key.request, { ok: true, answer: kept.answer, cost_usd: kept.cost_usd, from: 'store' });
      return;
    }
    const answer: ChatAnswer = { request: key.request, ...reply };
    const cost = ledger.buy({ ...reply.tokens, details });
    await store.put(key, answer, cost);
    this.#onKept(key.request, { ok: true, answer, cost_usd: cost, from: 'server' });
  }

  async #settlePuts(): Promise<void> {
    const puts = this.#puts;
    this.#puts = [];
    await Promise.allSettled(puts);
  }
}
