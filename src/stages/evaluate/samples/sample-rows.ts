import * as z from 'zod';
import type { SourceLocation } from '../../../base/errors.js';
import { messageOf } from '../../../base/errors.js';
import { readLines } from '../../../base/files/read-lines.js';
import { splitThink } from '../../../models/asking/think.js';
import type { Suite } from '../../../suites/suite.js';
import { ANSWERED, scoredSampleSchema } from '../records.js';
import { variantNameSchema } from '../variant.js';
import { submissionOf } from './code-lists.js';
import { type Placed, type ProblemNamed, UNNAMED, wrong } from './placed.js';

/** What a row has to say. Ours say more; what they say of verdicts is not believed, it is what is to be found out. */
const rowSchema = z.looseObject({
  problem: z.string(),
  /** `null`: the model gave none. */
  answer: z.string().nullable(),
  /** Where it is missing, it is looked for in the answer. */
  reasoning: z.string().nullable().optional(),
  variant: variantNameSchema.default(UNNAMED),
  sample: z.int().nonnegative().optional(),
  finish: z.string().default('unknown'),
  answered: z.enum(ANSWERED).optional(),
  messages: scoredSampleSchema.shape.messages.default([]),
  tokens: scoredSampleSchema.shape.tokens.default({ input: 0, output: 0 }),
});

/** Rows of JSON Lines files. Rows that do not number themselves are counted for each problem. */
export async function* rowSamples(
  files: readonly string[],
  suite: Suite,
  problemNamed: ProblemNamed,
): AsyncIterable<Placed> {
  const counted = new Map<string, number>();
  for (const file of files) {
    for await (const { number, text } of readLines(file)) {
      if (text.trim() === '') continue;
      const at = { file, line: number, column: 1 };
      const value = parsedJson(text, at);
      const own = evalPlusRow.safeParse(value);
      const row = parsed(own.success ? ofEvalPlus(own.data) : value, text, at);
      const named = own.success ? 'task_id' : 'problem';
      const problem = problemNamed([row.problem], { ...at, column: columnOf(named, text) });
      const key = `${row.variant} ${problem.id}`;
      const sample = row.sample ?? counted.get(key) ?? 0;
      counted.set(key, sample + 1);
      const { variant, finish, messages, tokens } = row;
      const refused = row.answer === null || row.answered === 'refused';
      const { reasoning, content } =
        row.reasoning === undefined
          ? splitThink(row.answer ?? '')
          : { reasoning: row.reasoning, content: row.answer ?? '' };
      const known = { at, problem, variant, sample, messages, finish, refused, tokens };
      if (own.success) {
        const as = own.data.solution === undefined ? 'completion' : 'solution';
        const code = row.answer ?? '';
        yield { ...known, reasoning: null, answer: code, submission: submissionOf(suite, problem, code, as, at) };
      } else yield { ...known, reasoning, answer: content };
    }
  }
}

/** A row of the sample files that EvalPlus writes and takes: code, and no answer. */
const evalPlusRow = z
  .looseObject({
    task_id: z.string(),
    solution: z.string().optional(),
    completion: z.string().optional(),
    problem: z.undefined().optional(),
    sample: z.unknown().optional(),
    variant: z.unknown().optional(),
  })
  .refine(({ solution, completion }) => solution !== undefined || completion !== undefined);

function ofEvalPlus({ task_id, solution, completion, sample, variant }: z.infer<typeof evalPlusRow>) {
  return { problem: task_id, answer: solution ?? completion ?? '', sample, variant };
}

function parsedJson(text: string, at: SourceLocation): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong('score/bad-row', { ...at, column: columnIn(messageOf(error)) }, `is not JSON (${messageOf(error)})`);
  }
}

function parsed(value: unknown, text: string, at: SourceLocation): z.infer<typeof rowSchema> {
  const row = rowSchema.safeParse(value);
  if (row.success) return row.data;
  const [issue] = row.error.issues;
  const field = issue?.path.join('.') ?? '';
  const column = columnOf(String(issue?.path[0] ?? ''), text);
  throw wrong(
    'score/bad-row',
    { ...at, column },
    `${field === '' ? 'the row' : field}: ${issue?.message ?? 'is wrong'}`,
  );
}

/** Where the parser says so: it does for most mistakes. */
function columnIn(message: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? 1 : Number(position) + 1;
}

/** Where a key stands, or the beginning of the row that lacks it. */
function columnOf(key: string, text: string): number {
  return Math.max(0, text.indexOf(`${JSON.stringify(key)}`)) + 1;
}
