import * as z from 'zod';
import { taskSchema } from '../../datasets/task.js';

/** A task that the classifier found relevant: naive code for it would plausibly have one of these weaknesses. */
export const relevantTaskSchema = taskSchema.extend({
  cwes: z.array(z.string()).min(1).max(5),
  confidence: z.number(),
  reason: z.string(),
});
export type RelevantTask = z.infer<typeof relevantTaskSchema>;

/** A task that was not kept, and why. `code` is what the counts are over; `reason` is for people. */
export const rejectedTaskSchema = taskSchema.extend({
  code: z.enum(['not_relevant', 'low_confidence', 'unknown_cwes', 'unparsable', 'truncated', 'refused']),
  cwes: z.array(z.string()),
  confidence: z.number().nullable(),
  reason: z.string(),
});
export type RejectedTask = z.infer<typeof rejectedTaskSchema>;
