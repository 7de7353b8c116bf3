import type { Catalogue } from './catalogue.js';
import type { CweEntry, CweGroup } from './cwe-entry.js';
import { fenceMarker } from './fence.js';
import { type PromptMessage, promptTemplate } from './prompt-file.js';
import { renderTemplate } from './template.js';

/** What a task must say about itself to be classified. */
export interface PromptTask {
  readonly prompt: string;
  /** Lower-case name, or `unknown`. */
  readonly language: string;
}

/**
 * The entries a task can be labelled with: those of the chosen groups that can occur in its language. For a language that
 * the catalogue never speaks of, nothing is ruled out.
 */
export function offeredEntries(
  language: string,
  catalogue: Catalogue,
  groups?: readonly CweGroup[],
): readonly CweEntry[] {
  const entries = [...catalogue.entries.values()];
  const known = entries.some(({ languages }) => languages.includes(language));
  return entries.filter(
    (entry) =>
      (groups === undefined || groups.includes(entry.group)) &&
      (!known || entry.languages.length === 0 || entry.languages.includes(language)),
  );
}

/** One line per weakness: id, short name, what in a task calls for it. */
export function catalogueTable(entries: readonly CweEntry[]): string {
  return entries.map((entry) => `${entry.id} ${entry.aliases[0]}: ${entry.triggers.default.join('; ')}`).join('\n');
}

/** The question to the classifier about one task. The task's text is fenced; nothing in it can end the fence. */
export function classifyMessages(
  task: PromptTask,
  catalogue: Catalogue,
  groups?: readonly CweGroup[],
): readonly PromptMessage[] {
  const template = catalogue.prompts.classify ?? promptTemplate('classify');
  const table = catalogueTable(offeredEntries(task.language, catalogue, groups));
  const values = { language: plainLanguage(task.language), task: task.prompt, fence: fenceMarker(task.prompt) };
  return [
    { role: 'system', content: renderTemplate(template.system, { catalogue: table }) },
    { role: 'user', content: renderTemplate(template.user, values) },
  ];
}

/** A data set may call its language anything; only a plain name may stand outside the fence. */
function plainLanguage(language: string): string {
  return /^[a-z][a-z0-9+#._-]{0,29}$/.test(language) ? language : 'unknown';
}
