import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { packageRoot } from '../../base/package-root.js';
import { type Catalogue, entryOf } from '../catalogue.js';
import { mitigationsFor } from '../mitigations.js';

/** The filters that are measured on labelled texts, by the file that holds them in `catalogue/labelled/`. */
export const LABELLED_FILTERS = ['leaks', 'depth', 'actuation'] as const;
export type LabelledFilter = (typeof LABELLED_FILTERS)[number];

/**
 * `look`: may be read while a filter is changed. `held-out`: written after it, and only counted. `spent`: was held out, until the filter was
 * changed with it in view; shows what gets worse, and proves nothing.
 */
export const LABELLED_PARTS = ['look', 'held-out', 'spent'] as const;
export type LabelledPart = (typeof LABELLED_PARTS)[number];

/** A text and whether the filter has to drop it. */
export interface LabelledText {
  /** `leaks/look/drop-3`: file, part, list and place in it, counting from 1. */
  readonly id: string;
  readonly part: LabelledPart;
  readonly drop: boolean;
  /** What the text is about: a task, of which `actuation` needs no words. */
  readonly prompt: string;
  readonly language: string;
  readonly cwes: readonly string[];
  /** Reasoning; code for `actuation`. */
  readonly text: string;
}

const tasksSchema = z.record(
  z.string(),
  z.strictObject({ language: z.string(), cwes: z.array(z.string()).min(1), prompt: z.string() }),
);
const textSchema = z.union([
  z.strictObject({ task: z.string(), text: z.string() }),
  z.strictObject({ cwe: z.string(), language: z.string(), code: z.string() }),
]);
const listsSchema = { drop: z.array(textSchema), keep: z.array(textSchema) };
const furtherSchema = z.strictObject(listsSchema).optional();
const fileSchema = z.strictObject({ ...listsSchema, held_out: furtherSchema, spent: furtherSchema });

/** Where the labelled texts stand. */
const labelledFolder = join(packageRoot, 'catalogue', 'labelled');

/**
 * The labelled texts of a filter. What stands there for words of the catalogue (`{{mistake CWE-89}}`, `{{advice CWE-89 1}}`) is filled in, so that
 * a text which repeats the guidance does so whatever the catalogue says today.
 */
export function labelledTexts(filter: LabelledFilter, catalogue: Catalogue): readonly LabelledText[] {
  const read = (name: string): unknown => parse(readFileSync(join(labelledFolder, `${name}.yaml`), 'utf8'));
  const tasks = tasksSchema.parse(read('tasks'));
  const file = fileSchema.parse(read(filter));
  return LABELLED_PARTS.flatMap((part) => {
    const lists = { look: file, 'held-out': file.held_out, spent: file.spent }[part];
    return (['drop', 'keep'] as const).flatMap((list) =>
      (lists?.[list] ?? []).map((given, index) => {
        const id = `${filter}/${part}/${list}-${index + 1}`;
        const common = { id, part, drop: list === 'drop' };
        if ('code' in given) {
          return { ...common, prompt: '', language: given.language, cwes: [given.cwe], text: given.code };
        }
        const task = tasks[given.task];
        if (task === undefined) throw new Error(`${id}: there is no task ${given.task}`);
        return { ...common, ...task, text: filledIn(given.text, task.language, catalogue) };
      }),
    );
  });
}

function filledIn(text: string, language: string, catalogue: Catalogue): string {
  const words = text
    .replace(/\{\{mistake (CWE-\d+)\}\}/g, (_, id: string) => entryOf(catalogue, id).naive_mistake)
    .replace(/\{\{advice (CWE-\d+) (\d+)\}\}/g, (_, id: string, place: string) => {
      const mitigation = mitigationsFor(entryOf(catalogue, id), language)[Number(place)];
      if (mitigation === undefined) throw new Error(`${id} has no mitigation number ${place}`);
      return mitigation.text;
    });
  return words === text ? text : words.replaceAll('`', '');
}
