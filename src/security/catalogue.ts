import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError, type SourceLocation } from '../base/errors.js';
import { type Sha256, sha256 } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';
import { CWE_GROUPS, type CweEntry, type CweGroup, cweEntrySchema } from './cwe-entry.js';

const catalogueFileSchema = z
  .strictObject({
    catalogue_version: z.int().positive(),
    /** The CWE edition that ids, names and relations were checked against. */
    cwe_version: z.string().min(1),
    notice: z.string().min(1),
    groups: z.record(z.enum(CWE_GROUPS), z.string().min(1)),
    entries: z.array(cweEntrySchema).min(1),
  })
  .superRefine((file, context) => {
    const seen = new Set<string>();
    file.entries.forEach((entry, index) => {
      if (seen.has(entry.id)) {
        context.addIssue({ code: 'custom', path: ['entries', index, 'id'], message: `${entry.id} stands twice` });
      }
      seen.add(entry.id);
    });
  });

/** The weaknesses secpi knows, with what prevents them. */
export interface Catalogue {
  readonly version: number;
  readonly cweVersion: string;
  readonly notice: string;
  readonly groups: Readonly<Record<CweGroup, string>>;
  /** In the order of the file; keys are ids such as `CWE-89`. */
  readonly entries: ReadonlyMap<string, CweEntry>;
}

const bundledCatalogue = join(packageRoot, 'catalogue', 'cwe.yaml');

/** Identifies a catalogue file by its bytes; quick, because nothing is parsed. */
export function catalogueDigest(path: string = bundledCatalogue): Sha256 {
  return sha256(readText(path));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SecpiError(
      'security/catalogue-unreadable',
      `The CWE catalogue ${path} cannot be read: ${messageOf(cause)}`,
      {
        hint: 'Check the path; the catalogue that ships with secpi is catalogue/cwe.yaml.',
        cause,
        exitCode: 2,
      },
    );
  }
}

/**
 * Reads and checks a catalogue file.
 * @throws SecpiError `security/catalogue-unreadable` or `security/catalogue-invalid`, with the place of the first mistake.
 */
export function loadCatalogue(path: string = bundledCatalogue): Catalogue {
  const text = readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const locate = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file: path, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = document.errors[0];
  if (broken !== undefined) throw invalid(path, firstLine(broken.message), locate(broken.pos[0]));
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw invalid(path, messageOf(cause));
  }
  const checked = catalogueFileSchema.safeParse(content);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const where = issue?.path.filter((key) => typeof key !== 'symbol') ?? [];
    throw invalid(path, `${spell(content, where)}: ${issue?.message ?? 'invalid'}`, locate(offsetOf(document, where)));
  }
  const file = checked.data;
  return {
    version: file.catalogue_version,
    cweVersion: file.cwe_version,
    notice: file.notice,
    groups: file.groups,
    entries: new Map(file.entries.map((entry) => [entry.id, entry])),
  };
}

/**
 * The entry of an id.
 * @throws SecpiError `security/unknown-cwe` when the catalogue does not hold it.
 */
export function entryOf(catalogue: Catalogue, id: string): CweEntry {
  const entry = catalogue.entries.get(id);
  if (entry === undefined) {
    throw new SecpiError('security/unknown-cwe', `${id} is not in the CWE catalogue.`, {
      hint: `The catalogue (version ${catalogue.version}) holds ${catalogue.entries.size} weaknesses; see catalogue/cwe.yaml.`,
    });
  }
  return entry;
}

function invalid(path: string, what: string, location?: SourceLocation): SecpiError {
  return new SecpiError('security/catalogue-invalid', `The CWE catalogue ${path} is not valid: ${what}`, {
    hint: 'The fields of an entry are described at the top of catalogue/cwe.yaml.',
    location,
    exitCode: 2,
  });
}

/** The offset of the deepest node on the path that exists: a missing key is reported where its parent starts. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly (string | number)[]): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return 0;
}

/** `entries[3].mitigations` says little in a long file; the entry's id is put beside it. */
function spell(content: unknown, path: readonly (string | number)[]): string {
  const shown = path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
  const id = z.object({ entries: z.array(z.unknown()) }).safeParse(content).data?.entries[Number(path[1] ?? -1)];
  const named = z.object({ id: z.string() }).safeParse(id).data?.id;
  return named === undefined ? shown || 'the file' : `${shown} (${named})`;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.replace(/:$/, '') ?? message;
}
