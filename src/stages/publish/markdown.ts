import { stringify } from 'yaml';
import { YAML_LAYOUT } from '../../base/yaml-layout.js';

/** Text from data inside Markdown: one line, with nothing in it that Markdown or HTML would take for its own. */
export function plain(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[\\`*_[\]|#~]/g, '\\$&');
}

/** A table; columns of nothing but figures stand right. Cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const isFigure = (cell: string | undefined) => /^[\d±+−–]/.test(cell ?? '');
  const rule = head.map((_, column) => (rows.every((row) => isFigure(row[column])) ? '---:' : '---'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** A table of names and values. */
export function facts(rows: readonly (readonly [string, string])[]): string {
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

/** A card: metadata for the Hub, then text. Keys without a value are left out. */
export function card(metadata: Readonly<Record<string, unknown>>, body: readonly string[]): string {
  const given = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
  return `---\n${stringify(given, YAML_LAYOUT)}---\n\n${body.join('\n\n')}\n`;
}
