import * as z from 'zod';

/** One line of `loss.jsonl`, as the trainer writes it. */
export const lossSchema = z.looseObject({
  step: z.number().int().nonnegative(),
  epoch: z.number().nullable(),
  loss: z.number().nullable(),
  learning_rate: z.number().nullable(),
  grad_norm: z.number().nullable().optional(),
  /** On the samples that were set aside, where it was measured after this step. */
  holdout_loss: z.number().optional(),
});
export type Loss = z.infer<typeof lossSchema>;

/** `train.json`: what training found out; nothing in it depends on time or machine. */
export const trainedSchema = z.strictObject({
  schema: z.literal(1),
  base: z.string(),
  method: z.enum(['lora', 'qlora', 'full']),
  trainer: z.string(),
  /** What computed it: `sdpa`, `flash_attention_2`, … */
  attention: z.string(),
  prepared: z.looseObject({ rows: z.number(), kept: z.number(), dropped: z.record(z.string(), z.number()) }),
  /** Rows, or with packing what they were packed into. */
  sequences: z.number(),
  steps: z.number(),
  epochs: z.number(),
  /** In the loss, over all passes. */
  tokens: z.number(),
  /** Of the prompts, which are read and not learnt, over all passes. */
  prompt_tokens: z.number(),
  first_loss: z.number().nullable(),
  final_loss: z.number().nullable(),
  /** The weights are the average of those after these steps; where it is missing, those after the last one. */
  averaged_steps: z.array(z.number()).optional(),
  /** The mean over the tokens of the samples that were set aside, at the end; `null` where none were. */
  holdout_loss: z.number().nullable(),
  trainable_parameters: z.number(),
  /** Of the model that was trained: an adapter's are among them. */
  total_parameters: z.number(),
  /**
   * How far merged weights are from base plus adapter: of all adapted matrices, the largest norm of what is off, relative to the norm of what
   * the adapter changes. In bfloat16 it is what rounding takes from the adapter. `null` without a merge.
   */
  merge_difference: z.number().nullable(),
});
export type Trained = z.infer<typeof trainedSchema>;

/** Parameters of the base model, and those that were trained: an adapter's come on top of the base model's. */
export function parametersOf(trained: Trained): { readonly base: number; readonly trained: number } {
  const { method, trainable_parameters, total_parameters } = trained;
  const base = method === 'full' ? total_parameters : total_parameters - trainable_parameters;
  return { base, trained: trainable_parameters };
}
