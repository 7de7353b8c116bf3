import { join } from 'node:path';
import { SecpiError } from '../../../base/errors.js';
import { answerOf } from '../answer-row.js';
import { AnswerStore } from '../answer-store.js';
import { answersFolder, folderName } from '../model-folder.js';
import type { Recording } from '../recording.js';

interface ImportOptions {
  /** Where the answers go. */
  readonly stateDir: string;
  /** Whose answers those are that do not say it. */
  readonly identity?: string | undefined;
  readonly signal: AbortSignal;
}

/** What became of the answers to one model. */
interface ImportedAnswers {
  readonly identity: string;
  readonly added: number;
  /** Were there already, and stay as they are. */
  readonly there: number;
}

/** So many answers wait for the disk together. */
const TOGETHER = 512;

/**
 * Adds the answers of a recording to the store, each to its model's; what is there stays. Cut off, it goes on where it was when it is called
 * again. Throws `store/whose-answers`, `models/bad-recording`, the signal's reason and the file system's error.
 */
export async function importAnswers(recording: Recording, options: ImportOptions): Promise<readonly ImportedAnswers[]> {
  const { stateDir, signal } = options;
  const models = new Map<string, { readonly store: AnswerStore; added: number; there: number }>();
  let waiting: Promise<void>[] = [];
  try {
    for await (const row of recording.rows()) {
      signal.throwIfAborted();
      const identity = row.identity ?? options.identity;
      if (identity === undefined) throw whoseAnswers(recording);
      let model = models.get(identity);
      if (model === undefined) {
        const store = await AnswerStore.open(join(answersFolder(stateDir), folderName(identity)), identity);
        model = { store, added: 0, there: 0 };
        models.set(identity, model);
      }
      const answer = answerOf(row);
      const key = { request: answer.request, attempt: row.attempt };
      if (model.store.has(key)) {
        model.there += 1;
        continue;
      }
      model.added += 1;
      const put = model.store.put(key, answer, row.cost_usd ?? 0);
      // It is waited for below; until then a failure is nobody's.
      put.catch(() => undefined);
      waiting.push(put);
      if (waiting.length < TOGETHER) continue;
      await Promise.all(waiting);
      waiting = [];
    }
    await Promise.all(waiting);
  } finally {
    await Promise.allSettled(waiting);
    for (const { store } of models.values()) await store[Symbol.asyncDispose]();
  }
  return [...models].map(([identity, { added, there }]) => ({ identity, added, there }));
}

function whoseAnswers({ path }: Recording): SecpiError {
  return new SecpiError('store/whose-answers', `${path} does not say which model its answers are of`, {
    hint: 'Name it with --model: as the recipe has it, and with @ and its revision if that has one.',
    exitCode: 2,
  });
}
