import { ulid } from 'ulid';
import { acquireLock, type Lock } from '../../../base/locks/lock.js';
import type { BatchContext } from './batch-context.js';
import type { BatchRecord } from './batch-folder.js';
import type { Gathered } from './gathering.js';

/** Which questions of some go where. */
interface Shared {
  /** Into batches that there are: whoever owns them answers these too. */
  readonly joined: ReadonlyMap<BatchRecord, readonly Gathered[]>;
  /** Into a new one, which is ours. */
  readonly own: { readonly record: BatchRecord; readonly lock: Lock } | undefined;
  readonly rest: readonly Gathered[];
}

/**
 * Finds out which questions are in no batch yet, and writes down a new one for those. Of several processes that want the same ones only the
 * first does. `wanted` gives those that are not answered by now.
 */
export async function shareOut(
  context: BatchContext,
  wanted: () => Promise<readonly Gathered[]>,
  signal: AbortSignal,
): Promise<Shared> {
  const { folder, endpoint } = context;
  const sharing = await acquireLock(folder.sharingLock, { signal });
  try {
    const records = (await folder.records()).filter((record) => record.endpoint === endpoint);
    const batchOf = new Map(records.flatMap((one) => Object.keys(one.questions).map((request) => [request, one])));
    const joined = new Map<BatchRecord, Gathered[]>();
    const rest: Gathered[] = [];
    // Not before the records were read: a batch that is over by now has its answers in the store.
    for (const question of await wanted()) {
      const record = batchOf.get(question.request);
      if (record === undefined) rest.push(question);
      else {
        const those = joined.get(record) ?? [];
        joined.set(record, those);
        those.push(question);
      }
    }
    return { joined, own: rest.length === 0 ? undefined : await begin(context, rest, signal), rest };
  } finally {
    await sharing.release();
  }
}

async function begin(
  { folder, endpoint }: BatchContext,
  questions: readonly Gathered[],
  signal: AbortSignal,
): Promise<{ readonly record: BatchRecord; readonly lock: Lock }> {
  const record: BatchRecord = {
    schema: 1,
    batch: ulid(),
    endpoint,
    questions: Object.fromEntries(questions.map(({ request, characters }) => [request, characters])),
  };
  // Before anybody can see it.
  const lock = await acquireLock(folder.lockOf(record), { signal });
  try {
    await folder.write(record);
    return { record, lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
