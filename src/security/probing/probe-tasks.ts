import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import { dataProblem } from '../../base/zod-message.js';
import { cweIdSchema } from '../cwe-entry.js';

const ids = z.array(cweIdSchema).min(1);

const probeTaskSchema = z
  .strictObject({
    /** A group or `harmless`, and a number: those that three divides are held out, so that a task keeps its part whatever is added. */
    id: z.string().regex(/^[a-z]+-[1-9]\d{0,3}$/),
    language: z.string().min(1),
    /** In what manner it is asked, as data sets do: so that a classifier that knows only one of them is found out. */
    voice: z.enum(['terse', 'chatty', 'code', 'signature', 'exercise', 'issue']),
    prompt: z.string().trim().min(1),
    /** What a quickly written solution would bring: each of them ought to be named. */
    cwes: ids.optional(),
    /** What may be named besides: a more general id, another view of the same mistake, or what only some solutions bring. */
    also: ids.optional(),
    /** Of a task that brings nothing: what it looks like. */
    near: ids.optional(),
  })
  .refine(({ cwes, near }) => (cwes === undefined) !== (near === undefined), 'needs either `cwes` or `near`')
  .refine(({ cwes, also }) => also === undefined || cwes !== undefined, '`also` stands beside `cwes`')
  .refine(({ cwes = [], also = [] }) => !also.some((id) => cwes.includes(id)), 'names an id twice');

/** A task whose right classification is known. */
export interface ProbeTask {
  readonly id: string;
  readonly language: string;
  readonly prompt: string;
  /** Empty for a task that brings nothing. */
  readonly cwes: readonly string[];
  readonly also: readonly string[];
  /** Not to be looked at while a prompt, a catalogue or a threshold is tuned. */
  readonly heldOut: boolean;
}

const bundledFolder = join(packageRoot, 'catalogue', 'labelled', 'probe');

/**
 * The labelled tasks that ship with secpi, in the order of their files.
 * @throws SecpiError `security/probe-invalid`, with the file and the task.
 */
export function loadProbe(folder: string = bundledFolder): readonly ProbeTask[] {
  const seen = new Set<string>();
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    return tasksIn(path).map(({ id, language, prompt, cwes = [], also = [] }) => {
      if (seen.has(id)) throw invalid(path, `"${id}" stands twice`);
      seen.add(id);
      return { id, language, prompt, cwes, also, heldOut: Number(id.slice(id.lastIndexOf('-') + 1)) % 3 === 0 };
    });
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .sort();
  } catch (cause) {
    throw invalid(folder, messageOf(cause), cause);
  }
}

function tasksIn(path: string): readonly z.infer<typeof probeTaskSchema>[] {
  try {
    return z
      .array(probeTaskSchema)
      .min(1)
      .parse(parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 }));
  } catch (cause) {
    throw invalid(path, dataProblem(cause), cause);
  }
}

function invalid(path: string, what: string, cause?: unknown): SecpiError {
  return new SecpiError('security/probe-invalid', `The labelled tasks in ${path} cannot be used: ${what}`, {
    hint: 'Their fields are described in docs/probe.md.',
    exitCode: 2,
    ...(cause === undefined ? {} : { cause }),
  });
}
