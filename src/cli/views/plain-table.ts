import Table from 'cli-table3';
import type { Style } from './style.js';

export interface TableOptions {
  readonly head: readonly string[];
  readonly align: readonly ('left' | 'right')[];
  readonly style: Style;
  /** How wide the last column may be; its text is broken between words. Default: as wide as it is. */
  readonly lastColumn?: number | undefined;
}

/** No lines but one under the head: it survives narrow terminals, log files and being pasted. */
const lineless = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};
const tableStyle = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

/** A table for a terminal or a log file; lines end where their text ends. */
export function plainTable(rows: readonly (readonly string[])[], options: TableOptions): string {
  const { head, align, style, lastColumn } = options;
  const table = new Table({
    head: head.map((text) => style('bold', text)),
    chars: lineless,
    style: tableStyle,
    colAligns: [...align],
    ...(lastColumn === undefined ? {} : { colWidths: [...head.slice(1).map(() => null), lastColumn], wordWrap: true }),
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
