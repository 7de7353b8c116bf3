import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';

/** A problem of HumanEval+ or MBPP+. */
export interface EvalPlusProblem {
  readonly id: string;
  readonly entryPoint: string;
  readonly prompt: string;
  /** Prompt and solution in one program. */
  readonly canonical: string;
  /** The whole row as it stands in the file: Python reads more out of its numbers than JavaScript does. */
  readonly row: string;
}

const rowSchema = z.object({
  task_id: z.string(),
  entry_point: z.string(),
  prompt: z.string(),
  canonical_solution: z.string(),
});

/**
 * The problems of a file of EvalPlus, in its order.
 * @throws SecpiError `suites/bad-source`
 */
export async function readProblems(path: string): Promise<readonly EvalPlusProblem[]> {
  return parseProblems(await readFile(path, 'utf8'), path);
}

/** See `readProblems`. */
export function parseProblems(text: string, path: string): readonly EvalPlusProblem[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((row, index) => {
    const parsed = rowSchema.safeParse(parsedJson(row));
    if (!parsed.success)
      throw new SecpiError('suites/bad-source', `line ${index + 1} of ${path} is no problem of EvalPlus`, {
        hint: 'Remove the file from the cache: it is fetched again.',
      });
    const { task_id, entry_point, prompt, canonical_solution } = parsed.data;
    return { id: task_id, entryPoint: entry_point, prompt, canonical: prompt + canonical_solution, row };
  });
}

/** Python writes numbers that JSON does not know; nothing of these is read here. */
const STRING_OR_NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(STRING_OR_NO_NUMBER, (found) => (found.startsWith('"') ? found : 'null')));
  } catch {
    return undefined;
  }
}
