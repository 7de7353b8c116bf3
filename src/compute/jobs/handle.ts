import * as z from 'zod';
import { readIfThere } from '../../base/files/if-there.js';

/** What is known here of a job, on the disk before anything is asked for. */
const handleSchema = z.object({
  schema: z.literal(1),
  place: z.string(),
  /** Of the job, there. */
  folder: z.string(),
  attempt: z.int().positive(),
  /** It ends by itself once whoever started it is gone. */
  attached: z.boolean(),
  /** It did not end well, and somebody knows. */
  told: z.boolean(),
});
export type Handle = z.infer<typeof handleSchema>;

/** Its name, in the folder on this machine that a job has. */
export const HANDLE = 'handle.json';

/** The handle in a file; undefined when there is none. A torn file says nothing either. */
export async function readHandle(file: string): Promise<Handle | undefined> {
  return handleSchema.safeParse(parsedOrNothing(await readIfThere(file))).data;
}

/** JSON, or undefined for what is none. */
export function parsedOrNothing(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
