import { readFile } from 'node:fs/promises';
import { splitThink } from '../../../models/asking/think.js';
import type { Problem } from '../../../suites/suite.js';
import { type Placed, UNNAMED } from './placed.js';

/** An answer that is a file and nothing else: what the model said, thinking included. An empty one is an answer with nothing in it. */
export async function rawSample(file: string, problem: Problem, sample: number): Promise<Placed> {
  const { reasoning, content } = splitThink(await readFile(file, 'utf8'));
  return {
    at: { file, line: 1, column: 1 },
    problem,
    variant: UNNAMED,
    sample,
    messages: [],
    finish: 'unknown',
    reasoning,
    answer: content,
    refused: false,
    tokens: { input: 0, output: 0 },
  };
}
