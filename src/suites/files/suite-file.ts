import * as z from 'zod';
import { extractModeSchema } from '../answers/extract-code.js';
import { MEASURES } from '../suite.js';
import { parseYamlFile } from './yaml-file.js';

const suiteSchema = z.strictObject({
  /** A suite without security tests measures `[functional]`. */
  measures: z
    .array(z.enum(MEASURES))
    .refine((measures) => measures.includes('functional'), 'has to name functional')
    .refine((measures) => new Set(measures).size === measures.length, 'names a measure twice')
    .default([...MEASURES]),
  /** Which block of an answer is its code. */
  extract: extractModeSchema.default('definition'),
});

/** What holds for all problems of a folder. */
export type SuiteFile = z.output<typeof suiteSchema>;

/**
 * Reads the text of a suite.yaml; a suite without one, or with an empty one, has the defaults.
 * @throws SecpiError `suites/bad-problem`
 */
export function parseSuiteFile(file: string, source: string): SuiteFile {
  return parseYamlFile(file, source.trim() === '' ? '{}' : source, suiteSchema);
}
