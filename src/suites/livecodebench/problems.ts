import { open } from 'node:fs/promises';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { readLines } from '../../base/files/read-lines.js';
import { hiddenText } from './private-tests.js';

export const PLATFORMS = ['leetcode', 'codeforces', 'atcoder'] as const;
export const DIFFICULTIES = ['easy', 'medium', 'hard'] as const;

const rowSchema = z.object({
  question_title: z.string(),
  question_content: z.string(),
  platform: z.enum(PLATFORMS),
  question_id: z.string(),
  contest_id: z.string(),
  contest_date: z.string(),
  starter_code: z.string(),
  difficulty: z.enum(DIFFICULTIES),
  public_test_cases: z.string(),
  private_test_cases: z.string(),
  metadata: z.string(),
});
const testsSchema = z.array(z.object({ input: z.string(), output: z.string() }));
const metadataSchema = z.object({ func_name: z.string().nullish() });

/** A problem without its tests, which are large: they are read again when it is judged. */
export interface LcbProblem {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly platform: (typeof PLATFORMS)[number];
  readonly difficulty: (typeof DIFFICULTIES)[number];
  readonly contest: string;
  /** ISO date and time, without a zone. */
  readonly date: string;
  readonly starterCode: string;
  /** The function that is called; `null` where the program reads standard input. */
  readonly functionName: string | null;
  /** Where its row lies. */
  readonly place: { readonly path: string; readonly from: number; readonly to: number };
}

/** All tests of a problem, the public ones first. */
export interface LcbTests {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * The problems of a data file, in its order.
 * @throws SecpiError `suites/bad-source`
 */
export async function readLcbProblems(path: string): Promise<readonly LcbProblem[]> {
  const problems: LcbProblem[] = [];
  let from = 0;
  for await (const { number, text, end } of readLines(path, { maxLineBytes: 1024 * 1024 * 1024 })) {
    const place = { path, from, to: end };
    from = end;
    if (text.trim() === '') continue;
    const row = rowIn(text, `line ${number} of ${path}`);
    problems.push({
      id: row.question_id,
      title: row.question_title,
      question: row.question_content,
      platform: row.platform,
      difficulty: row.difficulty,
      contest: row.contest_id,
      date: row.contest_date,
      starterCode: row.starter_code,
      functionName: metadataSchema.parse(JSON.parse(row.metadata)).func_name ?? null,
      place,
    });
  }
  return problems;
}

/** @throws SecpiError `suites/bad-source` */
export async function readTests({ id, place }: LcbProblem): Promise<LcbTests> {
  const file = await open(place.path);
  try {
    const buffer = Buffer.alloc(place.to - place.from);
    await file.read(buffer, 0, buffer.length, place.from);
    const row = rowIn(buffer.toString('utf8'), `${id} in ${place.path}`);
    const tests = [row.public_test_cases, hiddenText(row.private_test_cases)].flatMap((text) =>
      testsSchema.parse(JSON.parse(text)),
    );
    return { inputs: tests.map(({ input }) => input), outputs: tests.map(({ output }) => output) };
  } finally {
    await file.close();
  }
}

function rowIn(text: string, where: string): z.infer<typeof rowSchema> {
  try {
    return rowSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SecpiError('suites/bad-source', `${where} is no problem of LiveCodeBench`, {
      hint: 'Remove the file from the cache: it is fetched again.',
      cause: error,
    });
  }
}
