import type { Catalogue } from '../catalogue.js';
import type { CweEntry, CweGroup } from '../cwe-entry.js';
import { fenceMarker } from './fence.js';
import { type PromptExample, type PromptMessage, promptTemplate } from './prompt-file.js';
import { renderTemplate } from './template.js';

/** What a task must say about itself to be classified. */
export interface PromptTask {
  readonly prompt: string;
  /** Lower-case name, or `unknown`. */
  readonly language: string;
}

interface Offers {
  /** Those that some entry is limited to. */
  readonly languages: ReadonlySet<string>;
  /** By language and groups. */
  readonly entries: Map<string, ReadonlyMap<string, CweEntry>>;
}

/** They are asked for once a task, of which there are millions. */
const offers = new WeakMap<Catalogue, Offers>();

/**
 * The entries a task can be labelled with, by their ids: those of the chosen groups that can occur in its language. For a language that
 * the catalogue never speaks of, nothing is ruled out.
 */
export function offeredEntries(
  language: string,
  catalogue: Catalogue,
  groups?: readonly CweGroup[],
): ReadonlyMap<string, CweEntry> {
  let known = offers.get(catalogue);
  if (known === undefined) {
    const languages = [...catalogue.entries.values()].flatMap((entry) => entry.languages);
    known = { languages: new Set(languages), entries: new Map() };
    offers.set(catalogue, known);
  }
  // Data may call a language anything; those that the catalogue never speaks of share one answer.
  const spoken = known.languages.has(language) ? language : undefined;
  const key = JSON.stringify([spoken, groups]);
  const before = known.entries.get(key);
  if (before !== undefined) return before;
  const entries = new Map(
    [...catalogue.entries].filter(
      ([, entry]) =>
        (groups === undefined || groups.includes(entry.group)) &&
        (spoken === undefined || entry.languages.length === 0 || entry.languages.includes(spoken)),
    ),
  );
  known.entries.set(key, entries);
  return entries;
}

/** One line per weakness: id, languages where it does not occur in all, short name, what in a task calls for it, and what only looks so. */
function catalogueTable(entries: readonly CweEntry[]): string {
  return entries
    .map(({ id, languages, aliases, triggers, negative_triggers }) => {
      const only = languages.length === 0 ? '' : ` [${languages.join(' ')}]`;
      const not = negative_triggers.length === 0 ? '' : `; not: ${negative_triggers.join('; ')}`;
      return `${id}${only} ${aliases[0]}: ${triggers.default.join('; ')}${not}`;
    })
    .join('\n');
}

/**
 * The question to the classifier about one task. The task's text is fenced; nothing in it can end the fence. The system message is the
 * same text, and the same string, for every task of these groups.
 */
export function classifyMessages(
  task: PromptTask,
  catalogue: Catalogue,
  groups?: readonly CweGroup[],
): readonly PromptMessage[] {
  const { user } = catalogue.prompts.classify ?? promptTemplate('classify');
  const values = { language: plainLanguage(task.language), task: task.prompt, fence: fenceMarker(task.prompt) };
  return [
    { role: 'system', content: systemMessage(catalogue, groups) },
    { role: 'user', content: renderTemplate(user, values) },
  ];
}

/** By catalogue and groups: it is asked for once a task, of which there are millions. */
const systemMessages = new WeakMap<Catalogue, Map<string, string>>();

function systemMessage(catalogue: Catalogue, groups: readonly CweGroup[] | undefined): string {
  const rendered = systemMessages.get(catalogue) ?? new Map<string, string>();
  systemMessages.set(catalogue, rendered);
  const key = groups === undefined ? '' : JSON.stringify(groups);
  const known = rendered.get(key);
  if (known !== undefined) return known;
  const { system, examples } = catalogue.prompts.classify ?? promptTemplate('classify');
  const entries = [...catalogue.entries.values()].filter(({ group }) => groups === undefined || groups.includes(group));
  const offered = new Set(entries.map(({ id }) => id));
  const shown = examples.filter(({ answer }) => answer.cwes.every((id) => offered.has(id)));
  const message = renderTemplate(system, {
    catalogue: catalogueTable(entries),
    // A prompt of another topic may have none.
    ...(examples.length === 0 ? {} : { examples: shown.map(exampleText).join('\n\n') }),
  });
  rendered.set(key, message);
  return message;
}

function exampleText({ language, task, answer }: PromptExample): string {
  return `Language: ${language}\n${task}\n${JSON.stringify(answer)}`;
}

/** A data set may call its language anything; only a plain name may stand outside the fence. */
export function plainLanguage(language: string): string {
  return /^[a-z][a-z0-9+#._-]{0,29}$/.test(language) ? language : 'unknown';
}
