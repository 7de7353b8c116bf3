import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { messageOf, type SourceLocation } from '../../../base/errors.js';
import type { Problem, Submission, Suite } from '../../../suites/suite.js';
import { type Placed, type ProblemNamed, UNNAMED, wrong } from './placed.js';

const fileSchema = z.array(z.looseObject({ question_id: z.string(), code_list: z.array(z.string()) }));

/** What LiveCodeBench writes of a run (`..._codegeneration_output.json`) and takes (`--custom_output_file`): for each question the code of its answers. */
export async function* codeListSamples(file: string, suite: Suite, problemNamed: ProblemNamed): AsyncIterable<Placed> {
  const at = { file, line: 1, column: 1 };
  for (const { question_id, code_list } of questionsIn(await readFile(file, 'utf8'), at)) {
    const problem = problemNamed([question_id], at);
    for (const [sample, code] of code_list.entries()) {
      yield {
        at,
        problem,
        variant: UNNAMED,
        sample,
        messages: [],
        finish: 'unknown',
        reasoning: null,
        answer: code,
        submission: submissionOf(suite, problem, code, 'solution', at),
        refused: false,
        tokens: { input: 0, output: 0 },
      };
    }
  }
}

function questionsIn(text: string, at: SourceLocation): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof SyntaxError ? messageOf(error) : 'a list of `question_id` with `code_list` is wanted';
    throw wrong('score/bad-row', at, `is no file of LiveCodeBench (${why})`);
  }
}

/** Code that is judged as it is. @throws SecpiError `score/bad-row` where the suite wants answers. */
export function submissionOf(
  suite: Suite,
  problem: Problem,
  code: string,
  as: 'solution' | 'completion',
  at: SourceLocation,
): Submission {
  if (suite.fromCode === undefined)
    throw wrong(
      'score/bad-row',
      at,
      `holds code, and ${suite.name} takes answers`,
      'Give rows with `problem` and `answer`.',
    );
  return suite.fromCode(problem, code, as);
}
