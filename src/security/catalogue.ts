import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { messageOf, SecpiError } from '../base/errors.js';
import { type Sha256, sha256 } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';
import { CatalogueFile, invalidCatalogue } from './catalogue-file.js';
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

interface CatalogueHead {
  readonly name: string;
  readonly version: number;
  readonly notice?: string | undefined;
  /** By their names, what they are about. */
  readonly groups: Readonly<Record<CweGroup, string>>;
}

/** The weaknesses secpi knows, with what prevents them; or what another catalogue holds in the same form, of another topic. */
export interface Catalogue extends CatalogueHead {
  /** Its own, where it has any. */
  readonly prompts: Readonly<Partial<Record<keyof typeof PROMPTS, PromptTemplate>>>;
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
  const prompts = Object.entries(promptsIn(folder)).map(([name, prompt]) => [name, prompt.sha256]);
  // Texts in lists: as canonical as they are, and to look for that took most of the time, at each start.
  return sha256(JSON.stringify([files, prompts]));
}

function promptsIn(folder: string): Catalogue['prompts'] {
  const own = Object.entries(PROMPTS)
    .map(([name, file]) => [name, join(folder, file)] as const)
    .filter(([, path]) => existsSync(path));
  return Object.fromEntries(own.map(([name, path]) => [name, parsePromptFile(readText(path), path)]));
}

/** The YAML files of a catalogue, in the order of their names. */
type CatalogueTexts = readonly { readonly name: string; readonly text: string }[];

function textsIn(folder: string): CatalogueTexts {
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
  const texts = textsIn(folder);
  const { entries, ...head } = compiledFrom(texts) ?? contentOf(folder, texts);
  return { ...head, prompts: promptsIn(folder), entries: new Map(entries.map((entry) => [entry.id, entry])) };
}

/**
 * What the YAML files of a catalogue come to, with which files they were: half a megabyte of YAML takes most of the time of a run
 * that asks nobody, so the build keeps this of those that ship with secpi.
 */
interface CompiledCatalogue {
  readonly from: Sha256;
  readonly content: CatalogueContent;
}

interface CatalogueContent extends CatalogueHead {
  /** In the order of their numbers, whatever file they stand in. */
  readonly entries: readonly CweEntry[];
}

const compiledFile = join(packageRoot, 'dist', 'catalogue.json');

/** For the build, which writes it into `dist/catalogue.json`. */
export function compileCatalogue(): CompiledCatalogue {
  const texts = textsIn(bundledCatalogue);
  return { from: sha256(JSON.stringify(texts)), content: contentOf(bundledCatalogue, texts) };
}

/** What the build made of these very texts, comments and all; it is trusted as the rest of the build is. */
function compiledFrom(texts: CatalogueTexts): CatalogueContent | undefined {
  if (!existsSync(compiledFile)) return undefined;
  const compiled = JSON.parse(readFileSync(compiledFile, 'utf8')) as CompiledCatalogue;
  return compiled.from === sha256(JSON.stringify(texts)) ? compiled.content : undefined;
}

function contentOf(folder: string, files: CatalogueTexts): CatalogueContent {
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  const fileNamed = (name: string): CatalogueFile => {
    const text = texts.get(name);
    if (text === undefined) throw invalidCatalogue(folder, `${name} is missing`);
    return new CatalogueFile(join(folder, name), text);
  };
  const head = fileNamed(HEAD).read(headSchema);
  const groups = Object.keys(head.groups);
  const names = [HEAD, ...groups.map((group) => `${group}.yaml`)];
  for (const name of texts.keys()) {
    if (!names.includes(name)) {
      throw invalidCatalogue(join(folder, name), `the file is named after no group of ${HEAD}`);
    }
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
  return { name: head.name, version: head.catalogue_version, notice: head.notice, groups: head.groups, entries };
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
