import { SecpiError } from '../../base/errors.js';
import { type Catalogue, entryOf } from '../catalogue.js';
import type { CweEntry } from '../cwe-entry.js';
import { mitigationsFor } from '../mitigations.js';
import type { Guidance } from '../texts/leak.js';
import type { PromptTask } from './classify-prompt.js';
import { type PromptMessage, promptTemplate } from './prompt-file.js';
import { renderTemplate } from './template.js';

const SPELLING: Readonly<Record<string, string>> = {
  python: 'Python',
  javascript: 'JavaScript',
  typescript: 'TypeScript',
  c: 'C',
  cpp: 'C++',
  go: 'Go',
  java: 'Java',
  php: 'PHP',
  ruby: 'Ruby',
  rust: 'Rust',
};

/**
 * The question to the teacher: the task as the user wrote it, behind a system message that names only the selected
 * weaknesses and what prevents them in the task's language. `guidance` is that message, for the leak filter.
 * @throws SecpiError `security/unknown-cwe`, or `security/no-cwe` when none is selected.
 */
export function traceMessages(
  task: PromptTask,
  cweIds: readonly string[],
  catalogue: Catalogue,
): { readonly messages: readonly PromptMessage[]; readonly guidance: Guidance } {
  if (cweIds.length === 0) {
    throw new SecpiError('security/no-cwe', 'A trace prompt needs at least one selected weakness.');
  }
  const entries = cweIds.map((id) => entryOf(catalogue, id));
  const template = catalogue.prompts.trace ?? promptTemplate('trace');
  const system = renderTemplate(template.system, {
    weaknesses: entries.map((entry) => guidanceFor(entry, task.language)).join('\n\n'),
    language: spellingOf(task.language),
  });
  return {
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: renderTemplate(template.user, { task: task.prompt }) },
    ],
    guidance: { text: system, names: entries.flatMap(({ id, name, aliases }) => [id, name, ...aliases]) },
  };
}

/** The question to a teacher that is reminded of security in one sentence, whatever the task. */
export function reminderMessages(task: PromptTask): readonly PromptMessage[] {
  const template = promptTemplate('reminder');
  return [
    { role: 'system', content: renderTemplate(template.system, { language: spellingOf(task.language) }) },
    { role: 'user', content: renderTemplate(template.user, { task: task.prompt }) },
  ];
}

/** The question to a teacher that is told nothing: the task, as the tuned model will see it. */
export function plainMessages(task: PromptTask): readonly PromptMessage[] {
  return [{ role: 'user', content: task.prompt }];
}

function spellingOf(language: string): string {
  return Object.hasOwn(SPELLING, language) ? (SPELLING[language] ?? '') : 'the language of the task';
}

function guidanceFor(entry: CweEntry, language: string): string {
  const prevention = mitigationsFor(entry, language).map(({ text }) => `- ${text}`);
  const not = entry.negative_triggers.length === 0 ? [] : [`No concern: ${entry.negative_triggers.join('; ')}.`];
  return [`${entry.id}, ${entry.aliases[0]}. ${entry.naive_mistake}`, ...prevention, ...not].join('\n');
}
