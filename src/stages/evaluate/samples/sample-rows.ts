import * as z from 'zod';
import type { SourceLocation } from '../../../base/errors.js';
import { messageOf } from '../../../base/errors.js';
import { readLines } from '../../../base/files/read-lines.js';
import { splitThink } from '../../../models/asking/think.js';
import { ANSWERED, scoredSampleSchema } from '../records.js';
import { variantNameSchema } from '../variant.js';
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
export async function* rowSamples(files: readonly string[], problemNamed: ProblemNamed): AsyncIterable<Placed> {
  const counted = new Map<string, number>();
  for (const file of files) {
    for await (const { number, text } of readLines(file)) {
      if (text.trim() === '') continue;
      const at = { file, line: number, column: 1 };
      const row = parsed(text, at);
      const problem = problemNamed([row.problem], { ...at, column: columnOf('problem', text) });
      const key = `${row.variant} ${problem.id}`;
      const sample = row.sample ?? counted.get(key) ?? 0;
      counted.set(key, sample + 1);
      const { variant, finish, messages, tokens } = row;
      const refused = row.answer === null || row.answered === 'refused';
      const { reasoning, content } =
        row.reasoning === undefined
          ? splitThink(row.answer ?? '')
          : { reasoning: row.reasoning, content: row.answer ?? '' };
      yield { at, problem, variant, sample, messages, finish, reasoning, answer: content, refused, tokens };
    }
  }
}

function parsed(text: string, at: SourceLocation): z.infer<typeof rowSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong('score/bad-row', { ...at, column: columnIn(messageOf(error)) }, `is not JSON (${messageOf(error)})`);
  }
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
