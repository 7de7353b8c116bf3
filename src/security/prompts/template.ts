import { SecpiError } from '../../base/errors.js';

const HOLE = /\{\{([a-z][a-z0-9_]*)\}\}/g;

interface Template {
  /** What stands before, between and behind the holes. */
  readonly texts: readonly string[];
  /** The hole behind each text but the last. */
  readonly holes: readonly string[];
  readonly isMisspelt: boolean;
}

/** Few, and filled in for every task. */
const templates = new Map<string, Template>();

/**
 * Fills the `{{name}}` holes of a template in one pass: what a value holds is never looked at again.
 * @throws SecpiError `security/template-hole` when a hole has no value, a value has no hole, or a hole is misspelt.
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  let known = templates.get(template);
  if (known === undefined) {
    known = readTemplate(template);
    templates.set(template, known);
  }
  const { texts, holes, isMisspelt } = known;
  const missing = holes.filter((name) => !Object.hasOwn(values, name));
  const unused = Object.keys(values).filter((name) => !holes.includes(name));
  if (missing.length > 0) throw holeError(`has no value for ${list(missing)}`);
  if (unused.length > 0) throw holeError(`has no hole for ${list(unused)}`);
  if (isMisspelt) throw holeError('holds braces that are not a {{lower_case_name}}');
  return texts.map((text, index) => text + (values[holes[index] ?? ''] ?? '')).join('');
}

function readTemplate(template: string): Template {
  const pieces = template.split(HOLE);
  const texts = pieces.filter((_, index) => index % 2 === 0);
  const holes = pieces.filter((_, index) => index % 2 === 1);
  return { texts, holes, isMisspelt: /\{\{|\}\}/.test(texts.join('')) };
}

function list(names: readonly string[]): string {
  return [...new Set(names)].map((name) => `{{${name}}}`).join(', ');
}

function holeError(what: string): SecpiError {
  return new SecpiError('security/template-hole', `A prompt template ${what}.`, {
    hint: 'The holes of each template are listed in the comment at its top (catalogue/prompts/).',
    exitCode: 2,
  });
}
