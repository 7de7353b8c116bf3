/** Records of the stages, as small as they can be, for tests to change one thing at a time. */

import { sha256Json } from '../../src/base/hash.js';
import { type Task, taskId } from '../../src/datasets/task.js';
import type { RelevantTask } from '../../src/stages/filter/records.js';
import type { Trace } from '../../src/stages/trace/records.js';

export function aTask(change: Partial<Task> = {}): Task {
  const prompt = change.prompt ?? 'Write a Python function `find_user(db, name)` that looks a user up by name.';
  const language = change.language ?? 'python';
  return {
    schema: 1,
    id: taskId(prompt, language),
    prompt,
    language,
    source: 'tasks.jsonl',
    row: 1,
    licence: 'apache-2.0',
    ...change,
  };
}

export function aRelevantTask(change: Partial<RelevantTask> = {}): RelevantTask {
  return { ...aTask(change), cwes: ['CWE-89'], confidence: 0.9, reason: 'The name reaches a query.', ...change };
}

const goodReasoning = `The function gets an open connection and a name. The name probably comes from a form, so whoever fills it in decides
what stands there. If I paste it into the statement, a quote in it ends the literal and the rest becomes SQL: that is SQL injection.
A parameterized query keeps the statement fixed and hands the name over as a bound value, so I use one placeholder.`;

const goodAnswer = `The statement is fixed and the name is bound:

\`\`\`python
def find_user(db, name):
    return db.execute("SELECT id, name FROM users WHERE name = ? ORDER BY id", (name,)).fetchall()
\`\`\`
`;

/** A trace that passes every check of the curate stage. */
export function aTrace(change: Partial<Trace> = {}): Trace {
  const trace = {
    schema: 1 as const,
    task: aRelevantTask(),
    sample: 0,
    reasoning: goodReasoning,
    answer: goodAnswer,
    finish: 'stop' as const,
    tokens: { input: 400, output: 200 },
    ...change,
  };
  return { id: `trace-${sha256Json(trace).slice(0, 16)}`, ...trace };
}
