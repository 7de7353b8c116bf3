import * as z from 'zod';

/** Any value that survives a round trip through JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Such a value, read back from a file. */
export const jsonSchema = z.json() as unknown as z.ZodType<Json>;
