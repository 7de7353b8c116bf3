import * as z from 'zod';

/** A row that is no task of the collection, and why. A line of `dropped.jsonl`. */
export const droppedRowSchema = z.strictObject({
  schema: z.literal(1),
  source: z.string(),
  /** The file of that source. */
  file: z.string(),
  /** Counts from 1; in a JSON Lines file it is the line. */
  row: z.number().int().positive(),
  code: z.enum([
    ...['bad_row', 'placeholder', 'other_language', 'denied_licence'],
    ...['exact_duplicate', 'near_duplicate', 'contaminated'],
  ] as const),
  /** What was found, for a person. */
  detail: z.string(),
  /** For duplicates: the task that was kept. */
  kept: z.string().nullable(),
  /** Jaccard similarity of a near duplicate. */
  similarity: z.number().nullable(),
  prompt: z.string().nullable(),
});
export type DroppedRow = z.infer<typeof droppedRowSchema>;
