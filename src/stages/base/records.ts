import * as z from 'zod';

/** What the base artifact holds beside its `model/` folder. */
export const baseSchema = z.strictObject({
  schema: z.literal(1),
  /** The model's public name, as the recipe gives it; goes into the adapter's config and the model card. */
  name: z.string(),
  origin: z.enum(['tiny', 'hub', 'folder']),
  /** Commit on the Hub. */
  revision: z.string().nullable(),
  /** What building it found out; empty unless it was built here. */
  facts: z.record(z.string(), z.unknown()),
});
export type Base = z.infer<typeof baseSchema>;
