import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { packageRoot } from '../../base/package-root.js';
import { dataProblem } from '../../base/zod-message.js';

/** A message as every chat model takes it. The same shape as in `models/`, which stands on a higher floor. */
export interface PromptMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

const exampleSchema = z.strictObject({
  /** As a task's: a lower-case name, or `unknown`. */
  language: z.string().min(1),
  task: z.string().trim().min(1),
  /** What the classifier ought to answer. */
  answer: z.strictObject({
    relevant: z.boolean(),
    cwes: z.array(z.string()),
    confidence: z.number().min(0).max(1),
    reason: z.string().min(1),
  }),
});

/** A worked example of a prompt file. */
export type PromptExample = z.infer<typeof exampleSchema>;

/** The parts of a prompt file, the messages still with their holes. */
export interface PromptTemplate {
  readonly system: string;
  readonly user: string;
  /** None in most files. */
  readonly examples: readonly PromptExample[];
  /** Of the parts that are sent; the comment does not count. */
  readonly sha256: Sha256;
}

/**
 * Splits a prompt file: a leading comment that is never sent, then the parts `## system`, `## examples` (may be left out) and `## user`,
 * in this order.
 */
export function parsePromptFile(text: string, path: string): PromptTemplate {
  const body = text.replace(/\r\n?/g, '\n').replace(/^\s*<!--[\s\S]*?-->/, '');
  const parts = /^\s*## system\n([\s\S]*?)\n(?:## examples\n([\s\S]*?)\n)?## user\n([\s\S]*)$/.exec(body);
  const system = parts?.[1]?.trim() ?? '';
  const user = parts?.[3]?.trim() ?? '';
  if (system === '' || user === '') {
    throw invalid(
      path,
      'has no "## system" and "## user" parts.',
      'Write both headings on a line of their own, system first.',
    );
  }
  const examples = examplesIn(parts?.[2], path);
  return {
    system,
    user,
    examples,
    sha256: sha256Json({ system, user, ...(examples.length === 0 ? {} : { examples }) }),
  };
}

function examplesIn(part: string | undefined, path: string): readonly PromptExample[] {
  if (part === undefined) return [];
  try {
    return z.array(exampleSchema).parse(parse(part, { maxAliasCount: 0 }));
  } catch (cause) {
    const hint = 'Examples are a YAML list of `language`, `task` and `answer`, between "## system" and "## user".';
    throw invalid(path, `has examples that cannot be read: ${dataProblem(cause)}`, hint);
  }
}

function invalid(path: string, what: string, hint: string): SecpiError {
  return new SecpiError('security/prompt-file-invalid', `The prompt file ${path} ${what}`, {
    hint,
    location: { file: path, line: 1, column: 1 },
    exitCode: 2,
  });
}

const loaded = new Map<string, PromptTemplate>();

const NAMES = ['classify', 'trace', 'reminder', 'judge'] as const;
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
