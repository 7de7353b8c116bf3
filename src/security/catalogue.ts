import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import * as z from 'zod';
import { messageOf, SecpiError, type SourceLocation } from '../base/errors.js';
import { type Sha256, sha256Json } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';
import { type CweEntry, type CweGroup, cweEntrySchema } from './cwe-entry.js';
import { type PromptTemplate, parsePromptFile } from './prompts/prompt-file.js';

/** What stands in `catalogue.yaml`; the entries are in one file per group. */
const headSchema = z.strictObject({
  /** What it is called in messages: `CWE`. */
  name: z.string().min(1),
  catalogue_version: z.int().positive(),
  /** The CWE edition that ids, names and relations were checked against. */
  cwe_version: z.string().min(1).optional(),
  notice: z.string().min(1).optional(),
  groups: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be kebab-case'), z.string().min(1)),
});

const HEAD = 'catalogue.yaml';
/** Where a catalogue keeps the prompts that ask about it, if it does not ask by those that ship with secpi. */
const PROMPTS = { classify: 'prompts/classify.md', trace: 'prompts/trace.md' } as const;

/** The weaknesses secpi knows, with what prevents them; or what another catalogue holds in the same form, of another topic. */
export interface Catalogue {
  readonly name: string;
  readonly version: number;
  readonly notice: string | undefined;
  /** Its own, where it has any. */
  readonly prompts: Readonly<Partial<Record<keyof typeof PROMPTS, PromptTemplate>>>;
  /** By their names, what they are about. */
  readonly groups: Readonly<Record<CweGroup, string>>;
  /** In the order of their numbers, whatever file they stand in; keys are ids such as `CWE-89`. */
  readonly entries: ReadonlyMap<string, CweEntry>;
}

const bundledCatalogue = join(packageRoot, 'catalogue', 'cwe');

/**
 * Identifies a catalogue folder by what its files say: comments and empty lines do not count. Quick, because nothing is
 * parsed; `loadCatalogue` sees to it that a line that looks like a comment is one.
 */
export function catalogueDigest(folder: string = bundledCatalogue): Sha256 {
  const files = textsIn(folder).map(({ name, text }) => [
    name,
    text.split(/\r?\n/).filter((line) => !/^[ \t]*(?:#|$)/.test(line)),
  ]);
  return sha256Json([files, Object.entries(promptsIn(folder)).map(([name, prompt]) => [name, prompt.sha256])]);
}

function promptsIn(folder: string): Catalogue['prompts'] {
  const own = Object.entries(PROMPTS)
    .map(([name, file]) => [name, join(folder, file)] as const)
    .filter(([, path]) => existsSync(path));
  return Object.fromEntries(own.map(([name, path]) => [name, parsePromptFile(readText(path), path)]));
}

/** The YAML files of a catalogue by name, in the order of the names. */
function textsIn(folder: string): readonly { readonly name: string; readonly text: string }[] {
  const names = orUnreadable(folder, () => readdirSync(folder)).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => ({ name, text: readText(join(folder, name)) }));
}

function readText(path: string): string {
  return orUnreadable(path, () => readFileSync(path, 'utf8'));
}

function orUnreadable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new SecpiError('security/catalogue-unreadable', `The catalogue ${path} cannot be read: ${messageOf(cause)}`, {
      hint: 'Name a folder with a catalogue.yaml; the one that ships with secpi is catalogue/cwe.',
      cause,
      exitCode: 2,
    });
  }
}

/**
 * Reads and checks a catalogue folder.
 * @throws SecpiError `security/catalogue-unreadable` or `security/catalogue-invalid`, with the place of the first mistake.
 */
export function loadCatalogue(folder: string = bundledCatalogue): Catalogue {
  const texts = new Map(textsIn(folder).map(({ name, text }) => [name, text]));
  const fileNamed = (name: string): CatalogueFile => {
    const text = texts.get(name);
    if (text === undefined) throw invalid(folder, `${name} is missing`);
    return new CatalogueFile(join(folder, name), text);
  };
  const head = fileNamed(HEAD).read(headSchema);
  const groups = Object.keys(head.groups);
  const names = [HEAD, ...groups.map((group) => `${group}.yaml`)];
  for (const name of texts.keys()) {
    if (!names.includes(name)) throw invalid(join(folder, name), `the file is named after no group of ${HEAD}`);
  }

  const entries: CweEntry[] = [];
  const seen = new Map<string, string>();
  for (const group of groups) {
    const file = fileNamed(`${group}.yaml`);
    file.read(z.array(cweEntrySchema).min(1)).forEach((entry, index) => {
      const before = seen.get(entry.id);
      if (before !== undefined) throw file.problemAt([index, 'id'], `${entry.id} stands twice (also in ${before})`);
      seen.set(entry.id, `${group}.yaml`);
      entries.push({ ...entry, group });
    });
  }
  entries.sort((a, b) => numberOf(a.id) - numberOf(b.id));
  return {
    name: head.name,
    version: head.catalogue_version,
    notice: head.notice,
    prompts: promptsIn(folder),
    groups: head.groups,
    entries: new Map(entries.map((entry) => [entry.id, entry])),
  };
}

const numberOf = (id: string) => Number(id.slice(id.indexOf('-') + 1));

/**
 * The entry of an id.
 * @throws SecpiError `security/unknown-cwe` when the catalogue does not hold it.
 */
export function entryOf(catalogue: Catalogue, id: string): CweEntry {
  const entry = catalogue.entries.get(id);
  if (entry === undefined) {
    throw new SecpiError('security/unknown-cwe', `${id} is not in the ${catalogue.name} catalogue.`, {
      hint: `Version ${catalogue.version} of it holds ${catalogue.entries.size} entries: \`secpi cwe list\`.`,
    });
  }
  return entry;
}

type Keys = readonly (string | number)[];

/** One YAML file, parsed, with the places of what stands in it. */
class CatalogueFile {
  readonly #path: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #content: unknown;

  constructor(path: string, text: string) {
    this.#path = path;
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    this.#document = document;
    const broken = document.errors[0];
    if (broken !== undefined) throw invalid(path, firstLine(broken.message), this.#locate(broken.pos[0]));
    this.#refuseHiddenLines(text);
    try {
      this.#content = document.toJS({ maxAliasCount: 0 });
    } catch (cause) {
      throw invalid(path, messageOf(cause));
    }
  }

  read<T>(schema: z.ZodType<T>): T {
    const checked = schema.safeParse(this.#content);
    if (checked.success) return checked.data;
    const issue = checked.error.issues[0];
    const keys = issue?.path.filter((key) => typeof key !== 'symbol') ?? [];
    throw this.problemAt(keys, issue?.message ?? 'invalid');
  }

  problemAt(keys: Keys, what: string): SecpiError {
    return invalid(this.#path, `${spell(this.#content, keys)}: ${what}`, this.#locate(offsetOf(this.#document, keys)));
  }

  /** Inside a text over several lines, one that looks like a comment or is empty would count and not be hashed. */
  #refuseHiddenLines(text: string): void {
    visit(this.#document, {
      Scalar: (_key, { range }) => {
        if (range === undefined || range === null) return;
        const [start, end] = range;
        if (!/\n[ \t]*(?:#|\r?\n)/.test(text.slice(start, end).trimEnd())) return;
        const what = 'a text over several lines holds an empty line or one that begins with "#"';
        throw invalid(this.#path, what, this.#locate(start));
      },
    });
  }

  #locate(offset: number): SourceLocation {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function invalid(path: string, what: string, location?: SourceLocation): SecpiError {
  return new SecpiError('security/catalogue-invalid', `The catalogue ${path} is not valid: ${what}`, {
    hint: 'The fields of an entry are described at the top of catalogue/cwe/catalogue.yaml.',
    location,
    exitCode: 2,
  });
}

/** The offset of the deepest node on the path that exists: a missing key is reported where its parent starts. */
function offsetOf(document: Document, path: Keys): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return 0;
}

/** `[3].mitigations` says little in a long file; the entry's id is put beside it. */
function spell(content: unknown, path: Keys): string {
  const shown = path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
  const entry = z.array(z.unknown()).safeParse(content).data?.[Number(path[0] ?? -1)];
  const named = z.object({ id: z.string() }).safeParse(entry).data?.id;
  return named === undefined ? shown || 'the file' : `${shown} (${named})`;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.replace(/:$/, '') ?? message;
}
