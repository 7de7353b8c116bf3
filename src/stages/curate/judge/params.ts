import * as z from 'zod';
import { operational } from '../../../engine/operational.js';
import { samplingSchema } from '../../../models/chat.js';

/** What a judge can drop a trace for. */
const JUDGED_FOR = ['leak', 'depth'] as const;

export const judgeParams = z.strictObject({
  /** Which of the recipe's `models` judges. What it is enters the fingerprint, its name here does not. */
  by: operational(z.string()),
  /**
   * What a trace is dropped for: `leak`, its words give away that somebody told the teacher what to look for; `depth`, no weakness is thought
   * through. It is asked about both in any case, so that a change of this asks nothing anew.
   */
  drops: z
    .array(z.enum(JUDGED_FOR))
    .min(1)
    .default([...JUDGED_FOR]),
  sampling: samplingSchema.extend({ max_tokens: samplingSchema.shape.max_tokens.unwrap().default(512) }).prefault({}),
});
export type JudgeParams = z.infer<typeof judgeParams>;
