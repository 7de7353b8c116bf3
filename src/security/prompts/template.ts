import { SecpiError } from '../../base/errors.js';

const HOLE = /\{\{([a-z][a-z0-9_]*)\}\}/g;

/**
 * Fills the `{{name}}` holes of a template in one pass: what a value holds is never looked at again.
 * @throws SecpiError `security/template-hole` when a hole has no value, a value has no hole, or a hole is misspelt.
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  for (const [, name] of template.matchAll(HOLE)) used.add(name ?? '');
  const missing = [...used].filter((name) => !Object.hasOwn(values, name));
  const unused = Object.keys(values).filter((name) => !used.has(name));
  const malformed = /\{\{|\}\}/.test(template.replace(HOLE, ''));
  if (missing.length > 0) throw holeError(`has no value for ${list(missing)}`);
  if (unused.length > 0) throw holeError(`has no hole for ${list(unused)}`);
  if (malformed) throw holeError('holds braces that are not a {{lower_case_name}}');
  return template.replace(HOLE, (_, name: string) => values[name] ?? '');
}

function list(names: readonly string[]): string {
  return names.map((name) => `{{${name}}}`).join(', ');
}

function holeError(what: string): SecpiError {
  return new SecpiError('security/template-hole', `A prompt template ${what}.`, {
    hint: 'The holes of each template are listed in the comment at its top (catalogue/prompts/).',
    exitCode: 2,
  });
}
