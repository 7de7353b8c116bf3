import { type Catalogue, entryOf } from '../catalogue.js';
import { type PromptTask, plainLanguage } from './classify-prompt.js';
import { fenceMarker } from './fence.js';
import { type PromptMessage, promptTemplate } from './prompt-file.js';
import { renderTemplate } from './template.js';

/** What a teacher wrote about a task, and the weaknesses that were selected for it. */
export interface JudgedText {
  readonly task: PromptTask & { readonly cwes: readonly string[] };
  readonly reasoning: string | null;
  readonly answer: string;
}

/**
 * The question to the judge about one trace. Task, reasoning and answer are fenced; nothing in them can end the fence. The system message is
 * the same for every trace.
 * @throws SecpiError `security/unknown-cwe`.
 */
export function judgeMessages({ task, reasoning, answer }: JudgedText, catalogue: Catalogue): readonly PromptMessage[] {
  const { system, user } = promptTemplate('judge');
  const texts = { task: task.prompt, reasoning: (reasoning ?? '').trim(), answer: answer.trim() };
  const values = {
    ...texts,
    language: plainLanguage(task.language),
    concerns: task.cwes.map((id) => concern(id, catalogue)).join('\n'),
    fence: fenceMarker(Object.values(texts).join('\n')),
  };
  return [
    { role: 'system', content: system },
    { role: 'user', content: renderTemplate(user, values) },
  ];
}

function concern(id: string, catalogue: Catalogue): string {
  const { aliases, naive_mistake } = entryOf(catalogue, id);
  return `- ${aliases[0]}: ${naive_mistake}`;
}
