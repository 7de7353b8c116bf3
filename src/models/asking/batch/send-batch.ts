import { type BatchContext, callAgain, pauseMs } from './batch-context.js';
import type { BatchRecord } from './batch-folder.js';

/** A batch that the server knows. */
export type SentBatch = BatchRecord & { readonly id: string };

/**
 * Has a batch made of a record that was just written. Each step stands on the disk before the next one is taken, so whoever comes after a
 * crash knows what there may be: without `file` nothing was ordered, with it somebody has to look.
 */
export async function sendBatch(
  context: BatchContext,
  record: BatchRecord,
  lines: readonly string[],
  signal: AbortSignal,
): Promise<SentBatch> {
  const { folder } = context;
  const api = context.api();
  const uploaded = await callAgain(context, 'take a file of questions', signal, () =>
    api.upload(`secpi-${record.batch}.jsonl`, lines, signal),
  );
  const ordered = { ...record, file: uploaded.id, since: new Date().toISOString() };
  await folder.write(ordered);
  let mayBeThere = false;
  const made = await callAgain(context, 'make a batch', signal, async () => {
    // Whoever did not hear the answer may have been understood all the same.
    if (mayBeThere) {
      const found = await api.find(ordered, signal);
      if (!found.ok) return found;
      if (found.value !== undefined) return { ok: true, value: found.value };
    }
    const created = await api.create(ordered, signal);
    // A plain no is a word that there is none: nobody has to look for it, now or later.
    if (!created.ok && !created.retryable && !mayBeThere) await folder.write(record);
    mayBeThere = true;
    return created;
  });
  const sent = { ...ordered, id: made.id };
  await folder.write(sent);
  return sent;
}

/** The batch of a record that somebody has left, `undefined` if none was ordered: then its questions can be asked as if there were no record. */
export async function findBatch(
  context: BatchContext,
  record: BatchRecord,
  signal: AbortSignal,
): Promise<SentBatch | undefined> {
  const { id, file } = record;
  if (id !== undefined) return { ...record, id };
  if (file === undefined) return undefined;
  const api = context.api();
  // What was ordered a moment ago may not be listed yet.
  await context.clock.sleep(pauseMs(context, 0), signal);
  const found = await callAgain(context, 'list its batches', signal, () => api.find(record, signal));
  if (found === undefined) return undefined;
  const sent = { ...record, id: found.id };
  await context.folder.write(sent);
  return sent;
}
