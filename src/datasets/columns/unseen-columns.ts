import type { FileRow } from '../rows/file-row.js';
import type { Columns } from './column-map.js';
import { valueAt } from './value-at.js';

/** A column that a source names, and what for. */
export interface NamedColumn {
  readonly field: string;
  readonly name: string;
}

/**
 * The columns of a source that may be empty and that no row has. A name that is spelled wrong leaves no other trace: where the first column of the
 * task is missing, each row says so.
 */
export class UnseenColumns {
  #unseen: readonly NamedColumn[];
  #rows = 0;

  constructor({ prompt, language, answer, reasoning, licence_column }: Columns) {
    const others = Object.entries({ language, answer, reasoning, licence_column });
    this.#unseen = [
      ...prompt.slice(1).map((name) => ({ field: 'prompt', name })),
      ...others.flatMap(([field, name]) => (name === undefined ? [] : [{ field, name }])),
    ];
  }

  see(row: FileRow): void {
    if (!('value' in row)) return;
    this.#rows += 1;
    if (this.#unseen.length === 0) return;
    this.#unseen = this.#unseen.filter(({ name }) => valueAt(row.value, name) === undefined);
  }

  /** Of no rows nothing is said. */
  get columns(): readonly NamedColumn[] {
    return this.#rows === 0 ? [] : this.#unseen;
  }
}

export function unseenSentence({ field, name }: NamedColumn, none = 'no row'): string {
  return `${none} has the column ${JSON.stringify(name)} that \`${field}\` names`;
}
