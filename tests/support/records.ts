/** Records of the stages, as small as they can be, for tests to change one thing at a time. */
import { type Task, taskId } from '../../src/datasets/task.js';
import type { RelevantTask } from '../../src/stages/filter/records.js';

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
