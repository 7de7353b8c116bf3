import * as z from 'zod';
import { wellFormed } from '../base/well-formed.js';
import type { TrainerEvent } from './target.js';

const eventSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('metric'), step: z.number(), total_steps: z.number() }),
  z.looseObject({ type: z.literal('progress'), done: z.number(), total: z.number(), unit: z.string() }),
  z.looseObject({ type: z.literal('log'), message: z.string() }),
]);

/** A line that a trainer has reported, or undefined for one that makes no sense: progress is a courtesy and must not end a training. */
export function trainerEvent(line: string): TrainerEvent | undefined {
  let parsed: z.infer<typeof eventSchema>;
  try {
    parsed = eventSchema.parse(wellFormed(JSON.parse(line)));
  } catch {
    return undefined;
  }
  if (parsed.type !== 'metric') return parsed as TrainerEvent;
  const { type, step, total_steps, ...rest } = parsed;
  const numbers = Object.entries(rest).filter(
    (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === 'number',
  );
  return { type, step, total_steps, values: Object.fromEntries(numbers) };
}
