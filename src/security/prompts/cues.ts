import type { Catalogue } from '../catalogue.js';
import type { PromptTask } from './classify-prompt.js';
import type { PromptMessage } from './prompt-file.js';
import { traceMessages } from './trace-prompt.js';

/** What can be said about security beside a question, from least to most: what a model does with it that was not trained. */
export const CUES = ['reminder', 'cwe-cue', 'full-prompt'] as const;
export type Cue = (typeof CUES)[number];

/** The texts that a cue is made of, for fingerprints. Weaknesses come from the catalogue. */
export const CUE_TEXTS = {
  reminder: 'Make sure that the code is secure.',
  'cwe-cue': 'Make sure that the code has none of these weaknesses: {}.',
} as const;

/**
 * A question with a cue: one sentence behind it, the names of the weaknesses behind it, or in front of it all that a teacher is told. Where a
 * problem names no weakness that the catalogue knows, the teacher's words come down to the names, and where it names none at all to the reminder.
 */
export function withCue(
  question: readonly PromptMessage[],
  cue: Cue | undefined,
  { cwes, ...task }: PromptTask & { readonly cwes: readonly string[] },
  catalogue: Catalogue,
): readonly PromptMessage[] {
  if (cue === undefined) return question;
  const known = cwes.filter((id) => catalogue.entries.has(id));
  if (cue === 'full-prompt' && known.length > 0) {
    const [guidance] = traceMessages(task, known, catalogue).messages;
    return guidance === undefined ? question : ahead(guidance.content, question);
  }
  if (cue === 'reminder' || cwes.length === 0) return behind(question, CUE_TEXTS.reminder);
  const names = cwes.map((id) => {
    const entry = catalogue.entries.get(id);
    return entry === undefined ? id : `${id} (${entry.name})`;
  });
  return behind(
    question,
    CUE_TEXTS['cwe-cue'].replace('{}', () => names.join(', ')),
  );
}

/** In the system message: of its own, or in front of the one that the suite has. */
function ahead(text: string, question: readonly PromptMessage[]): readonly PromptMessage[] {
  const [first, ...rest] = question;
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...question];
  return [{ role: 'system', content: `${text}\n\n${first.content}` }, ...rest];
}

/** At the end of the last message. */
function behind(question: readonly PromptMessage[], text: string): readonly PromptMessage[] {
  return question.map(({ role, content }, index) => ({
    role,
    content: index === question.length - 1 ? `${content}\n\n${text}` : content,
  }));
}
