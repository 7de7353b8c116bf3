import { SecpiError } from '../../../base/errors.js';
import type { Sha256 } from '../../../base/hash.js';
import { acquireLock, describeOwner, type Lock } from '../../../base/locks/lock.js';
import type { AttemptFailure } from '../wire/attempt-failure.js';
import { type BatchContext, pauseMs } from './batch-context.js';
import type { BatchRecord } from './batch-folder.js';
import { collectBatch, type KeptAnswer, NotKept } from './collect-batch.js';
import { type BatchLimits, type Gathered, Gathering } from './gathering.js';
import { findBatch, type SentBatch, sendBatch } from './send-batch.js';
import { shareOut } from './share-out.js';
import { Waiting } from './waiting.js';

/** So long no further question may come before those that did are sent; less for whoever looks more often. */
const QUIET_SECONDS = 5;

/**
 * Gathers questions, sends them in batches and keeps what comes back. One is sent when it is full, or when no question has come for a while.
 * A question that is in a batch already, of this process, of another or of a dead one, is not sent again: that batch is waited for.
 */
export class BatchDesk implements AsyncDisposable {
  readonly #context: BatchContext;
  readonly #atOnce: number;
  /** Fewer questions once the server had no room for so many. */
  #limits: BatchLimits;
  readonly #waiting = new Waiting<KeptAnswer | AttemptFailure>();
  readonly #stop = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  /** Batches that are worked on or waited for here, by our names for them, and who came to them later. */
  readonly #followed = new Map<string, Gathered[]>();
  /** Those of them that we hold, and have not heard the end of. */
  readonly #held = new Map<string, BatchRecord>();
  readonly #gathering = new Gathering();
  #sharing: Promise<void> = Promise.resolve();
  #running = 0;
  #lastCame = 0;
  #isQuiet = false;
  #watches = false;
  #refused = 0;

  /** `atOnce`: batches that are sent or waited for at once. */
  constructor(context: BatchContext, limits: BatchLimits, atOnce: number) {
    this.#context = context;
    this.#limits = limits;
    this.#atOnce = atOnce;
  }

  /** What becomes of a question. Throws what would meet every question alike, and `signal.reason`. */
  ask(question: Gathered, signal: AbortSignal): Promise<KeptAnswer | AttemptFailure> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    const { request } = question;
    const isNew = !this.#waiting.has(request);
    const answered = this.#waiting.wait(request, signal, () => {
      // Nobody wants it any more, and nothing was paid for it yet.
      this.#gathering.remove(request);
    });
    if (isNew) this.#gather([question]);
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the model is closed'));
    await Promise.all(this.#tasks);
    await this.#sayWhatGoesOn();
  }

  async #sayWhatGoesOn(): Promise<void> {
    const { name, notices, folder } = this.#context;
    const left: BatchRecord[] = [];
    for (const batch of this.#held.values()) {
      const record = await folder.read(batch);
      if (record?.file !== undefined) left.push(record);
    }
    if (left.length === 0) return;
    const ids = left.flatMap(({ id }) => (id === undefined ? [] : [id]));
    const named = ids.length === 0 ? '' : ` (${ids.join(', ')})`;
    const questions = left.reduce((sum, record) => sum + Object.keys(record.questions).length, 0);
    const what = left.length === 1 ? '1 batch goes' : `${left.length} batches go`;
    notices.note(
      'batch: goes on',
      'warn',
      `${name}: ${what} on at the server, with ${questions} questions${named}; run the same command again to wait for them and take their answers`,
    );
  }

  #gather(questions: readonly Gathered[]): void {
    if (questions.length === 0) return;
    for (const question of questions) this.#gathering.add(question);
    this.#lastCame = this.#context.clock.now();
    this.#isQuiet = false;
    this.#pump();
    if (!this.#watches) this.#task(this.#watchForQuiet());
  }

  async #watchForQuiet(): Promise<void> {
    const { clock, pollSeconds } = this.#context;
    const quietMs = 1000 * Math.min(QUIET_SECONDS, pollSeconds);
    this.#watches = true;
    try {
      // Sleeps before it looks: a process that stood still after its first question has not heard of the others yet.
      for (let left = quietMs; left > 0; left = this.#lastCame + quietMs - clock.now()) {
        await clock.sleep(left, this.#stop.signal);
      }
    } finally {
      this.#watches = false;
    }
    this.#isQuiet = true;
    this.#pump();
  }

  /** Sends what can be sent. */
  #pump(): void {
    const { signal } = this.#stop;
    while (this.#running < this.#atOnce && this.#gathering.size > 0 && !signal.aborted) {
      if (!this.#isQuiet && !this.#gathering.fills(this.#limits)) return;
      this.#running += 1;
      this.#task(this.#share(this.#gathering.take(this.#limits)), () => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }

  /** Sends the questions that are neither answered nor in a batch by now, and waits for the other batches. */
  async #share(questions: readonly Gathered[]): Promise<void> {
    const asked = questions.map(({ request }) => request);
    await this.#blamed(asked, async () => {
      // One after the other also here: a lock is waited for by looking at it from time to time.
      const shared = this.#sharing.then(() =>
        shareOut(
          this.#context,
          async () => {
            await this.#settleKept(asked);
            return questions.filter(({ request }) => this.#waiting.has(request));
          },
          this.#stop.signal,
        ),
      );
      this.#sharing = shared.then(
        () => undefined,
        () => undefined,
      );
      const { joined, own, rest } = await shared;
      for (const [record, those] of joined) this.#follow(record, those);
      if (own !== undefined) await this.#send(own.record, own.lock, rest);
    });
  }

  async #send(record: BatchRecord, lock: Lock, questions: readonly Gathered[]): Promise<void> {
    const { signal } = this.#stop;
    const { name, notices, folder } = this.#context;
    this.#followed.set(record.batch, []);
    this.#held.set(record.batch, record);
    try {
      const heeded = AbortSignal.any([signal, lock.lost]);
      const sent = await sendBatch(
        this.#context,
        record,
        questions.map(({ line }) => line),
        heeded,
      );
      notices.note(
        `batch ${sent.id}`,
        'info',
        `${name}: batch ${sent.id} with ${questions.length} questions is at the server; it may take a day`,
      );
      if (!(await this.#collect(sent, heeded))) await this.#sendAgain(questions);
    } catch (error) {
      // Without an order to the server there is nothing that anybody could come back for.
      if ((await folder.read(record))?.file === undefined) await folder.remove(record);
      throw error;
    } finally {
      await this.#end(record, lock);
    }
  }

  /** Whoever came to a batch later, and was not answered by it, is put into another. */
  async #end({ batch }: BatchRecord, lock: Lock): Promise<void> {
    const late = this.#followed.get(batch) ?? [];
    this.#followed.delete(batch);
    await lock.release();
    await this.#settleKept(late.map(({ request }) => request));
    this.#gather(late.filter(({ request }) => this.#waiting.has(request)));
  }

  /** The server's queue is full. Is it by ours alone, half as many may find room. */
  async #sendAgain(questions: readonly Gathered[]): Promise<void> {
    const { name, notices, clock } = this.#context;
    const most = Math.max(1, Math.ceil(questions.length / 2));
    if (this.#held.size === 0) this.#limits = { ...this.#limits, requests: most };
    notices.note(
      'batch: too much',
      'warn',
      `${name}: the server has no room for ${questions.length} more questions; they are sent later, ${this.#limits.requests} at most at a time`,
    );
    await clock.sleep(pauseMs(this.#context, this.#refused), this.#stop.signal);
    this.#refused += 1;
    this.#gather(questions.filter(({ request }) => this.#waiting.has(request)));
  }

  /** Waits for a batch that is not of our making, or goes on with it if its owner is gone. */
  #follow(record: BatchRecord, questions: readonly Gathered[]): void {
    const known = this.#followed.get(record.batch);
    this.#followed.set(record.batch, [...(known ?? []), ...questions]);
    if (known !== undefined) return;
    const { name, folder, notices } = this.#context;
    const { signal } = this.#stop;
    const asked = Object.keys(record.questions) as Sha256[];
    const following = this.#blamed(asked, async () => {
      const lock = await acquireLock(folder.lockOf(record), {
        signal,
        onWaiting: (owner, liveness) => {
          const whose = describeOwner(owner, liveness);
          notices.note(`batch ${record.batch}`, 'info', `${name}: waits for a batch of ${whose}`);
        },
      });
      try {
        await this.#takeUp(record, AbortSignal.any([signal, lock.lost]));
      } finally {
        await this.#end(record, lock);
      }
    });
    this.#task(following);
  }

  async #takeUp(known: BatchRecord, signal: AbortSignal): Promise<void> {
    const { folder, name, notices } = this.#context;
    const record = await folder.read(known);
    if (record === undefined) return;
    const sent = await findBatch(this.#context, record, signal);
    if (sent === undefined) {
      await folder.remove(record);
      return;
    }
    notices.note(`batch ${sent.id}`, 'info', `${name}: goes on with batch ${sent.id}, which is at the server already`);
    await this.#collect(sent, signal);
  }

  /** False when the server has refused it for its size. */
  async #collect(sent: SentBatch, signal: AbortSignal): Promise<boolean> {
    this.#held.set(sent.batch, sent);
    const { failures, isTooMuch } = await collectBatch(
      this.#context,
      sent,
      (request, kept) => this.#waiting.settle(request, kept),
      signal,
    ).catch((error: unknown) => {
      // Of what the server does not know nobody may say that it goes on there.
      if (error instanceof SecpiError && error.code === 'models/batch-lost') this.#held.delete(sent.batch);
      throw error instanceof NotKept ? this.#giveUp(error.cause) : error;
    });
    this.#held.delete(sent.batch);
    if (isTooMuch) return false;
    this.#refused = 0;
    for (const [request, failure] of failures) this.#waiting.settle(request as Sha256, failure);
    return true;
  }

  /** Nothing more can be kept: no answer is worth waiting for, and none is to be ordered. The batches that are there stay where they are. */
  #giveUp(error: unknown): unknown {
    this.#stop.abort(error);
    this.#waiting.failAll(error);
    return error;
  }

  /** Tells those who wait what another process has bought meanwhile. */
  async #settleKept(requests: readonly Sha256[]): Promise<void> {
    const { store } = this.#context;
    await store.refresh();
    for (const request of requests) {
      if (!this.#waiting.has(request)) continue;
      const kept = await store.get({ request, attempt: 0 });
      if (kept !== undefined) this.#waiting.settle(request, { ok: true, ...kept, from: 'store' });
    }
  }

  /** What goes wrong is the end of all who wait for these questions. */
  async #blamed(requests: readonly Sha256[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const request of requests) this.#waiting.fail(request, error);
    }
  }

  #task(work: Promise<void>, then: () => void = () => undefined): void {
    const task = work
      .catch(() => undefined)
      .then(() => {
        this.#tasks.delete(task);
        then();
      });
    this.#tasks.add(task);
  }
}
