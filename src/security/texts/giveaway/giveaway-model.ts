import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { packageRoot } from '../../../base/package-root.js';
import { FEATURE_BITS } from './features.js';

/** Where `scripts/giveaway-model.ts` puts what it has learnt. */
export const giveawayModelFile = join(packageRoot, 'catalogue', 'giveaway', 'model.json');

const modelSchema = z.strictObject({
  schema: z.literal(1),
  bits: z.literal(FEATURE_BITS),
  bias: z.number(),
  /** What a weight of 1 counts. */
  scale: z.number().positive(),
  /** One byte for each feature, in base64: whole numbers from -127 to 127. */
  weights: z.base64(),
});
export type GiveawayModelFile = z.infer<typeof modelSchema>;

/** A linear model of passages: positive says that somebody pointed the way, negative that nobody did. */
export interface GiveawayModel {
  /** Of the features of a passage; about 1 for what was learnt as a leak, -1 for what was learnt as none. */
  score(features: ArrayLike<number>): number;
}

/** The model in a file's text. */
export function parseGiveawayModel(text: string): GiveawayModel {
  const { bias, scale, weights } = modelSchema.parse(JSON.parse(text));
  const bytes = Buffer.from(weights, 'base64');
  const numbers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  if (numbers.length !== 1 << FEATURE_BITS) throw new TypeError(`${numbers.length} weights are not 2^${FEATURE_BITS}`);
  return {
    score(features) {
      let sum = 0;
      for (let at = 0; at < features.length; at += 1) sum += numbers[features[at] ?? 0] ?? 0;
      // However long a passage is, its features together weigh 1.
      return bias + (sum * scale) / Math.sqrt(Math.max(1, features.length));
    },
  };
}

let known: GiveawayModel | undefined;

/** The model that ships with secpi. */
export function giveawayModel(): GiveawayModel {
  known ??= parseGiveawayModel(readFileSync(giveawayModelFile, 'utf8'));
  return known;
}
