import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SecpiError } from '../base/errors.js';
import { type Sha256, sha256Json } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';

/** A message as every chat model takes it. The same shape as in `models/`, which stands on a higher floor. */
export interface PromptMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** The two parts of a prompt file, still with their holes. */
export interface PromptTemplate {
  readonly system: string;
  readonly user: string;
  /** Of the parts that are sent; the comment does not count. */
  readonly sha256: Sha256;
}

/** Splits a prompt file: a leading comment that is never sent, then the parts `## system` and `## user`, in this order. */
export function parsePromptFile(text: string, path: string): PromptTemplate {
  const body = text.replace(/\r\n?/g, '\n').replace(/^\s*<!--[\s\S]*?-->/, '');
  const parts = /^\s*## system\n([\s\S]*?)\n## user\n([\s\S]*)$/.exec(body);
  const system = parts?.[1]?.trim() ?? '';
  const user = parts?.[2]?.trim() ?? '';
  if (system === '' || user === '') {
    throw new SecpiError(
      'security/prompt-file-invalid',
      `The prompt file ${path} has no "## system" and "## user" parts.`,
      {
        hint: 'Write both headings on a line of their own, system first.',
        location: { file: path, line: 1, column: 1 },
        exitCode: 2,
      },
    );
  }
  return { system, user, sha256: sha256Json({ system, user }) };
}

const loaded = new Map<string, PromptTemplate>();

const NAMES = ['classify', 'trace', 'reminder'] as const;
export type PromptName = (typeof NAMES)[number];

/** A prompt of `catalogue/prompts/`, read once per process. */
export function promptTemplate(name: PromptName): PromptTemplate {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const path = join(packageRoot, 'catalogue', 'prompts', `${name}.md`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SecpiError(
      'security/prompt-file-unreadable',
      `The prompt file ${path} cannot be read: ${messageOf(cause)}`,
      {
        hint: 'The installation is incomplete; install secpi again.',
        cause,
      },
    );
  }
  const template = parsePromptFile(text, path);
  loaded.set(name, template);
  return template;
}

/** The prompt templates' hashes, for fingerprints. Each stage takes only its own, so that one change re-buys one stage. */
export function promptsDigest(): Readonly<Record<PromptName, Sha256>> {
  const digests = NAMES.map((name) => [name, promptTemplate(name).sha256]);
  return Object.fromEntries(digests) as Record<PromptName, Sha256>;
}
