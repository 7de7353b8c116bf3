import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SecpiError } from '../../src/base/errors.js';
import { packageRoot } from '../../src/base/package-root.js';
import { catalogueDigest, compileCatalogue, entryOf, loadCatalogue } from '../../src/security/catalogue.js';
import { CWE_GROUPS } from '../../src/security/cwe-entry.js';
import { allMitigations } from '../../src/security/mitigations.js';
import { classifyMessages } from '../../src/security/prompts/classify-prompt.js';
import { traceMessages } from '../../src/security/prompts/trace-prompt.js';
import { parseVerdict } from '../../src/security/prompts/verdict.js';
import { evidenceIn } from '../../src/security/texts/evidence.js';
import { wordsOf } from '../../src/security/texts/words.js';

const scratch = mkdtempSync(join(tmpdir(), 'secpi-catalogue-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
/** Small, so quickly read: what is done to it below is the same for any. */
const source = join(packageRoot, 'catalogue', 'privacy');
const originals: ReadonlyMap<string, string> = new Map(
  readdirSync(source)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => [name, readFileSync(join(source, name), 'utf8')]),
);
const originalOf = (name: string) => originals.get(name) ?? '';
const catalogue = loadCatalogue();
const privacy = loadCatalogue(source);

/** A folder with that catalogue, some files of it changed; `undefined` leaves one out. */
function folderWith(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const folder = mkdtempSync(join(scratch, 'folder-'));
  for (const [name, text] of Object.entries({ ...Object.fromEntries(originals), ...changes })) {
    if (text !== undefined) writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The catalogue with one text of one file changed for another. */
function changed(name: string, from: string | RegExp, to: string): string {
  const text = originalOf(name).replace(from, to);
  if (text === originalOf(name)) throw new Error(`${name} does not hold ${String(from)}`);
  return text;
}

function failure(changes: Readonly<Record<string, string | undefined>>): SecpiError {
  try {
    loadCatalogue(folderWith(changes));
  } catch (error) {
    if (error instanceof SecpiError) return error;
    throw error;
  }
  throw new Error('the catalogue was accepted');
}

const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

describe('the catalogue that ships with secpi', () => {
  it('is, as the build keeps it, what its files say, and the files count once they say something else', () => {
    const kept = JSON.parse(readFileSync(join(packageRoot, 'dist', 'catalogue.json'), 'utf8'));
    expect(kept.from).toBe(compileCatalogue().from);
    const folder = join(scratch, 'copied');
    cpSync(join(packageRoot, 'catalogue', 'cwe'), folder, { recursive: true });
    appendFileSync(join(folder, 'path.yaml'), '# what the build has not seen\n');
    expect(loadCatalogue(folder)).toEqual(catalogue);
    const file = join(folder, 'injection.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('id: CWE-89\n', 'id: CWE-9999\n'));
    expect([...loadCatalogue(folder).entries.keys()]).toContain('CWE-9999');
  });

  it('holds the promised weaknesses, in the order of their numbers', () => {
    const ids =
      '20 22 77 78 79 89 94 95 113 116 117 119 120 121 122 125 131 134 170 190 200 269 284 287 295 306 326 327 329 338 347 352 377 400 416 434 468 476 502 522 611 639 643 676 681 703 732 760 770 787 798 862 863 915 916 918 943 1333';
    expect([...catalogue.entries.keys()]).toEqual(ids.split(' ').map((id) => `CWE-${id}`));
  });

  it('knows each weakness by the group whose file it stands in', () => {
    expect(entryOf(catalogue, 'CWE-89').group).toBe('injection');
    expect(new Set([...catalogue.entries.values()].map(({ group }) => group))).toEqual(new Set(CWE_GROUPS));
  });

  it('gives every mitigation terms that consist of words', () => {
    for (const entry of catalogue.entries.values()) {
      for (const { id, terms } of allMitigations(entry)) {
        expect(terms.length, `${entry.id} ${id}`).toBeGreaterThan(0);
        for (const term of terms) expect(wordsOf(term).length, `${entry.id} ${id} "${term}"`).toBeGreaterThan(0);
      }
    }
  });

  it('advises on Python, JavaScript, C, C++ and Go wherever the weakness can occur there', () => {
    const missing = [...catalogue.entries.values()].flatMap((entry) =>
      ['python', 'javascript', 'c', 'go']
        .filter((language) => entry.languages.length === 0 || entry.languages.includes(language))
        .filter((language) => !Object.hasOwn(entry.mitigations, language))
        .map((language) => `${entry.id} ${language}`),
    );
    // Uploads, template engines and XML in C are rare enough for the general advice.
    expect(missing).toEqual(['CWE-94 c', 'CWE-434 c']);
  });

  it('carries the notice that MITRE asks for', () => {
    expect(catalogue.notice).toContain('The MITRE Corporation');
    expect(readFileSync(join(packageRoot, 'NOTICE'), 'utf8')).toContain('royalty-free license to use CWE');
  });
});

describe('catalogueDigest', () => {
  it('knows a catalogue by what its files say, without reading them as YAML', () => {
    const digest = catalogueDigest(folderWith());
    expect(catalogueDigest(folderWith())).toBe(digest);
    for (const text of [changed('passing-on.yaml', 'PII in logs', 'PII in a log'), undefined, 'no: [yaml']) {
      expect(catalogueDigest(folderWith({ 'passing-on.yaml': text }))).not.toBe(digest);
    }
    expect(() => catalogueDigest('/nowhere/cwe')).toThrow('cannot be read');
  });

  it('does not change with a comment, an empty line or line ends', () => {
    const text = originalOf('passing-on.yaml');
    for (const same of [`# one\n\n${text}\n  # two`, text.replaceAll('\n', '\r\n'), text.replaceAll('\n\n', '\n')]) {
      expect(catalogueDigest(folderWith({ 'passing-on.yaml': same }))).toBe(catalogueDigest(folderWith()));
    }
  });

  it('can leave such lines out, because no text may hold one', () => {
    for (const line of ['# not a comment', '']) {
      const text = changed(
        'passing-on.yaml',
        /naive_mistake: [^\n]*/,
        `naive_mistake: >\n    one\n    ${line}\n    two`,
      );
      const error = failure({ 'passing-on.yaml': text });
      expect(error.message).toContain('holds an empty line or one that begins with "#"');
      expect(error.location?.line).toBe(lineOf(text, 'naive_mistake'));
    }
  });

  it('changes with the prompts that are its own', () => {
    const folder = folderWith();
    mkdirSync(join(folder, 'prompts'));
    writeFileSync(join(folder, 'prompts', 'trace.md'), '## system\na\n## user\n{{task}}\n');
    const digest = catalogueDigest(folder);
    expect(digest).not.toBe(catalogueDigest(folderWith()));
    writeFileSync(join(folder, 'prompts', 'trace.md'), '<!-- said to nobody -->\n## system\na\n## user\n{{task}}\n');
    expect(catalogueDigest(folder)).toBe(digest);
    writeFileSync(join(folder, 'prompts', 'trace.md'), '## system\nb\n## user\n{{task}}\n');
    expect(catalogueDigest(folder)).not.toBe(digest);
  });
});

describe('loadCatalogue', () => {
  it('says where a wrong value stands, and in which entry', () => {
    const text = changed('passing-on.yaml', '- id: PRIVACY-4\n', '- id: PRIVACY-4\n  abstraction: classy\n');
    const error = failure({ 'passing-on.yaml': text });
    expect(error.code).toBe('security/catalogue-invalid');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('abstraction (PRIVACY-4)');
    expect(error.message).toContain(`passing-on.yaml:${lineOf(text, 'abstraction: classy')}:`);
    expect(error.location?.file).toMatch(/passing-on\.yaml$/);
    expect(error.location?.line).toBe(lineOf(text, 'abstraction: classy'));
  });

  it('points at the entry that lacks a field', () => {
    const text = changed('collecting.yaml', / {2}naive_mistake: Writes personal data[^\n]*\n/, '');
    const error = failure({ 'collecting.yaml': text });
    expect(error.message).toContain('naive_mistake (PRIVACY-2)');
    expect(error.location?.line).toBe(lineOf(text, '- id: PRIVACY-2'));
  });

  it('refuses a pattern that could take more than linear time', () => {
    const evidence = changed('collecting.yaml', "'timedelta", "'(a ?)+timedelta");
    expect(failure({ 'collecting.yaml': evidence }).message).toMatch(/evidence.*PRIVACY-2.*unbounded "\+"/);
    const danger = changed('passing-on.yaml', "'log(?:ger", "'a*log(?:ger");
    expect(failure({ 'passing-on.yaml': danger }).message).toMatch(/danger.*PRIVACY-3.*unbounded "\*"/);
  });

  it('refuses an id that stands twice, also in two files, and a mitigation that stands twice', () => {
    const once = changed('collecting.yaml', '- id: PRIVACY-2', '- id: PRIVACY-1');
    expect(failure({ 'collecting.yaml': once }).message).toContain('PRIVACY-1 stands twice');
    const elsewhere = failure({ 'passing-on.yaml': changed('passing-on.yaml', '- id: PRIVACY-3', '- id: PRIVACY-1') });
    expect(elsewhere.message).toContain('PRIVACY-1 stands twice (also in collecting.yaml)');
    expect(elsewhere.location?.file).toMatch(/passing-on\.yaml$/);
    const item = '      - id: ids-only\n        text: Again.\n        terms: [again]\n';
    const twice = changed('passing-on.yaml', /(?= {4}python:)/, item);
    expect(failure({ 'passing-on.yaml': twice }).message).toContain('"ids-only" stands twice');
  });

  it('refuses unknown fields, duplicate keys, aliases and text that is not YAML', () => {
    const unknown = changed('passing-on.yaml', '  languages: []', '  languages: []\n  language: x');
    expect(failure({ 'passing-on.yaml': unknown }).message).toContain('language');
    const head = originalOf('catalogue.yaml');
    expect(failure({ 'catalogue.yaml': `${head}\ncatalogue_version: 2\n` }).message).toMatch(/unique/i);
    for (const text of ['a: &x [1]\nb: *x\n', 'entries: [', '']) {
      expect(failure({ 'catalogue.yaml': text }).code).toBe('security/catalogue-invalid');
      expect(failure({ 'passing-on.yaml': text }).code).toBe('security/catalogue-invalid');
    }
  });

  it('wants one file for each group and no other', () => {
    expect(failure({ 'catalogue.yaml': undefined }).message).toContain('catalogue.yaml is missing');
    expect(failure({ 'collecting.yaml': undefined }).message).toContain('collecting.yaml is missing');
    expect(failure({ 'collected.yaml': originalOf('collecting.yaml') }).message).toContain('named after no group');
  });

  it('says that a folder is missing', () => {
    expect(() => loadCatalogue(join(scratch, 'none'))).toThrow(/cannot be read/);
  });
});

describe('a catalogue of another topic', () => {
  const task = { prompt: 'Log who signs in.', language: 'python' };

  it('has ids, groups and prompts of its own', () => {
    expect([...privacy.entries.keys()]).toEqual(['PRIVACY-1', 'PRIVACY-2', 'PRIVACY-3', 'PRIVACY-4']);
    expect(Object.keys(privacy.groups)).toEqual(['collecting', 'passing-on']);
    const [asked] = classifyMessages(task, privacy, ['passing-on']);
    expect(asked?.content).toContain('a data set about privacy');
    expect(asked?.content).toContain('PRIVACY-3 personal data in logs');
    expect(asked?.content).not.toContain('PRIVACY-1 ');
    const { messages } = traceMessages(task, ['PRIVACY-3'], privacy);
    expect(messages[0]?.content).toContain('respects the people');
    expect(messages[0]?.content).toContain('Log `user.id`');
  });

  it('is labelled by its ids, and read in code by its patterns', () => {
    const answer = '{"relevant": true, "cwes": ["privacy-3", "CWE-89"], "confidence": 0.9, "reason": "It logs."}';
    const verdict = parseVerdict(answer, privacy);
    expect(verdict.ok && verdict.value.cwes).toEqual(['PRIVACY-3']);
    const verdictOf = (code: string) => evidenceIn(code, 'python', ['PRIVACY-3'], privacy)[0]?.verdict;
    expect(verdictOf('log.info("signed in: %s", user.id)')).toBe('shown');
    expect(verdictOf('log.info("signed in: %s", user.email)')).toBe('contradicted');
    expect(() => evidenceIn('', 'python', ['CWE-89'], privacy)).toThrow('CWE-89 is not in the privacy catalogue.');
  });
});

describe('entryOf', () => {
  it('refuses an id that the catalogue does not hold', () => {
    expect(entryOf(catalogue, 'CWE-89').aliases[0]).toBe('SQL injection');
    expect(() => entryOf(catalogue, '__proto__')).toThrow(/not in the CWE catalogue/);
  });
});
