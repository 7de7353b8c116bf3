import * as z from 'zod';
import { answeredSourceSchema } from '../../../datasets/sources/source.js';

/** Ordinary samples, made by others, among those that this recipe makes. */
export const mixParams = z.strictObject({
  /** Of all samples, them among these: with `0.2` one in five is ordinary. The number is that of after caps. */
  share: z.number().gt(0).lt(1),
  /** Where they come from: rows with a task, reasoning and an answer. Which of them are taken follows from the recipe's seed. */
  sources: z.array(answeredSourceSchema).min(1),
  /** Jaccard similarity of word 3-grams from which a row's task counts as that of one of this recipe's own samples, and is not taken; `false`: only where it is the same text. */
  near_duplicates: z.union([z.number().gt(0).max(1), z.literal(false)]).default(0.45),
  /** Licences whose rows are not taken; default: what `collect.deny_licences` names. */
  deny_licences: z.array(z.string().min(1)).optional(),
});
export type MixParams = z.infer<typeof mixParams>;
