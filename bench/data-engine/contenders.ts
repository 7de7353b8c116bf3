import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import { buildProgram } from '../../tests/faults/killed-process.js';
import { type Contender, writtenAnswers } from './contender.js';
import { environmentWith } from './python-environment.js';
import { secpi } from './secpi.js';

/** Below the package, whose `openai` it takes; one bundle, as secpi is. */
const rawNodeProgram = join(packageRoot, 'dist', 'bench', 'raw-node.mjs');

const rawNode: Contender = {
  name: 'raw-node',
  prepare: () => buildProgram(join(import.meta.dirname, 'raw-node.ts'), rawNodeProgram),
  command: async ({ endpoint, concurrency }) => ({
    argv: [process.execPath, rawNodeProgram, endpoint, String(concurrency)],
  }),
  answers: writtenAnswers,
};

/** `python/ask_NAME.py`, with the packages that stand beside it in `ask_NAME.txt`. */
function python(name: string): Contender {
  const program = join(import.meta.dirname, 'python', `ask_${name}.py`);
  let interpreter = '';
  return {
    name,
    async prepare() {
      interpreter = await environmentWith(program.replace(/py$/, 'txt'), name);
    },
    command: async ({ endpoint, concurrency }) => ({
      argv: [interpreter, program, endpoint, String(concurrency)],
      // None of them has to ask anybody but the server here.
      env: { TELEMETRY_ENABLED: 'false', LITELLM_LOCAL_MODEL_COST_MAP: 'True', HF_HUB_OFFLINE: '1' },
    }),
    answers: writtenAnswers,
  };
}

export const contenders: readonly Contender[] = [
  secpi,
  rawNode,
  python('asyncio'),
  python('curator'),
  python('distilabel'),
];
