/**
 * Makes the quickstart's data files from what was written by hand: `recipes/quickstart/tasks/*.yaml` and the problems of the
 * suite `mini`. Run it (`npm run data`) after a change of those, of a prompt template, of the catalogue or of the recipe's
 * sampling; a test says when that is due.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { sha256 } from '../src/base/hash.js';
import { packageRoot } from '../src/base/package-root.js';
import { normalisePrompt } from '../src/datasets/task.js';
import { type RecordedAnswer, writeRecording } from '../src/models/answers/recording.js';
import { identityOf } from '../src/models/model-spec.js';
import { recipeSchema } from '../src/pipeline.js';
import { loadRecipe } from '../src/recipe/load-recipe.js';
import { loadCatalogue } from '../src/security/catalogue.js';
import { classifyRequest } from '../src/stages/filter/filter.js';
import { traceRequest } from '../src/stages/trace/trace.js';

const folder = join(packageRoot, 'recipes', 'quickstart');
const recipePath = join(packageRoot, 'recipes', 'quickstart.yaml');
const problemsFolder = join(packageRoot, 'src', 'suites', 'mini', 'problems');

const authoredSchema = z.strictObject({
  id: z.string(),
  /** A problem of the suite `mini` that gives prompt, language and code. */
  problem: z.string().optional(),
  language: z.string().optional(),
  prompt: z.string().optional(),
  classifier: z.strictObject({
    relevant: z.boolean(),
    cwes: z.array(z.string()),
    confidence: z.number(),
    reason: z.string(),
  }),
  teacher: z.strictObject({ reasoning: z.string(), intro: z.string(), code: z.string().optional() }).optional(),
  naive: z.strictObject({ reasoning: z.string(), intro: z.string() }).optional(),
});

const problemSchema = z.looseObject({ language: z.string(), prompt: z.string(), solution: z.string() });

/** One task with everything that was written for it. */
interface Authored {
  readonly prompt: string;
  readonly language: string;
  readonly classifier: z.infer<typeof authoredSchema>['classifier'];
  readonly teacher: { readonly reasoning: string; readonly answer: string } | undefined;
  readonly naive: { readonly reasoning: string; readonly answer: string } | undefined;
}

function readAuthored(): Authored[] {
  const files = readdirSync(join(folder, 'tasks'))
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  const entries = files.flatMap((name) =>
    z.array(authoredSchema).parse(parse(readFileSync(join(folder, 'tasks', name), 'utf8'))),
  );
  const tasks = entries.map((entry): Authored => {
    const problem = entry.problem === undefined ? undefined : readProblem(entry.problem);
    const prompt = normalisePrompt(problem?.prompt ?? entry.prompt ?? '');
    const language = problem?.language ?? entry.language ?? '';
    const answer = (intro: string, code: string) => `${intro.trim()}\n\n\`\`\`${language}\n${code.trim()}\n\`\`\``;
    const { teacher, naive } = entry;
    return {
      prompt,
      language,
      classifier: entry.classifier,
      teacher: teacher && {
        reasoning: teacher.reasoning.trim(),
        answer: answer(teacher.intro, teacher.code ?? problem?.secure ?? ''),
      },
      naive: naive && { reasoning: naive.reasoning.trim(), answer: answer(naive.intro, problem?.insecure ?? '') },
    };
  });
  // Mixed, so that the first rows of the data already show every kind; by hash, so that it never changes by itself.
  return tasks.sort((left, right) => (sha256(left.prompt) < sha256(right.prompt) ? -1 : 1));
}

function readProblem(id: string) {
  const { language, prompt, solution } = problemSchema.parse(
    parse(readFileSync(join(problemsFolder, id, 'problem.yaml'), 'utf8')),
  );
  const read = (name: string) => readFileSync(join(problemsFolder, id, solution.replace('solution', name)), 'utf8');
  return { language, prompt, secure: read('secure'), insecure: read('insecure') };
}

/** Writes `tasks.jsonl`, `naive.jsonl`, `texts.jsonl` and the two recordings into a folder; equal sources give equal bytes. */
export async function writeQuickstartData(
  target: string,
): Promise<{ readonly tasks: number; readonly traces: number }> {
  const writeRows = (name: string, rows: readonly object[]) =>
    writeFileSync(join(target, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const tasks = readAuthored();
  const traced = tasks.flatMap((task) => (task.teacher === undefined ? [] : [{ ...task, teacher: task.teacher }]));
  writeRows(
    'tasks.jsonl',
    tasks.map(({ prompt, language }) => ({ prompt, language })),
  );
  writeRows(
    'naive.jsonl',
    tasks.flatMap(({ prompt, naive }) =>
      naive === undefined ? [] : [{ prompt, completion: `<think>\n${naive.reasoning}\n</think>\n\n${naive.answer}` }],
    ),
  );
  writeRows(
    'texts.jsonl',
    traced.map(({ prompt, teacher }) => ({ text: `${prompt}\n${teacher.reasoning}\n${teacher.answer}` })),
  );

  const { value: recipe } = await loadRecipe({
    path: recipePath,
    schema: recipeSchema,
    environment: {},
    workingDirectory: packageRoot,
  });
  const { classifier, teacher } = recipe.models;
  if (classifier === undefined || teacher === undefined)
    throw new Error('the quickstart recipe names no classifier or teacher');
  const catalogue = loadCatalogue();
  const verdicts = tasks.map((task) =>
    recorded(classifyRequest(task, catalogue, recipe.filter), null, JSON.stringify(task.classifier)),
  );
  await writeRecording({ identity: identityOf(classifier), answers: verdicts }, join(target, 'classifier.jsonl'));
  const traces = traced.map((task) => {
    const request = traceRequest({ ...task, cwes: task.classifier.cwes }, 0, catalogue, recipe.trace);
    return recorded(request, task.teacher.reasoning, task.teacher.answer);
  });
  await writeRecording({ identity: identityOf(teacher), answers: traces }, join(target, 'teacher.jsonl'));
  return { tasks: tasks.length, traces: traced.length };
}

/** An answer as a server would have given it; token counts are estimates, since no tokenizer was involved. */
function recorded(request: RecordedAnswer['request'], reasoning: string | null, content: string): RecordedAnswer {
  const tokens = (text: string) => Math.ceil(text.length / 4);
  const input = tokens(request.messages.map((message) => message.content).join(''));
  return {
    request,
    answer: { reasoning, content, finish: 'stop', tokens: { input, output: tokens((reasoning ?? '') + content) } },
  };
}

if (process.argv[1] === import.meta.filename) {
  // The recipe refuses to load without the files that are about to be made.
  for (const name of ['tasks.jsonl', 'naive.jsonl', 'texts.jsonl', 'classifier.jsonl', 'teacher.jsonl']) {
    if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), '');
  }
  const { tasks, traces } = await writeQuickstartData(folder);
  process.stdout.write(`${tasks} tasks, ${traces} of them with a trace\n`);
}
