import { isNode, LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';

/**
 * Reads the text of one of a suite's YAML files; `file` is used in messages only.
 * @throws SecpiError `suites/bad-problem` that names the file, the line and every wrong field.
 */
export function parseYamlFile<T>(file: string, source: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const yaml = parseDocument(source, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const syntax = yaml.errors[0];
  if (syntax !== undefined) throw badFile(file, [syntax.message], lines.linePos(syntax.pos[0]));
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw badFile(file, [messageOf(error)]);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const path = issues[0]?.path ?? [];
  const node = path.length === 0 ? undefined : yaml.getIn(path, true);
  const offset = isNode(node) ? node.range?.[0] : undefined;
  throw badFile(
    file,
    issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`),
    offset === undefined ? undefined : lines.linePos(offset),
  );
}

function fieldOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function badFile(file: string, messages: readonly string[], at?: { line: number; col: number }): SecpiError {
  return new SecpiError('suites/bad-problem', `${file}: ${messages.join('; ')}`, {
    ...(at === undefined ? {} : { location: { file, line: at.line, column: at.col } }),
    hint: 'docs/suites.md says what the files of a suite hold.',
    exitCode: 2,
  });
}
