import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { packageRoot } from '../../../src/base/package-root.js';
import { recipeSchema } from '../../../src/pipeline.js';
import { anyNode } from './any-node.js';
import { bulk } from './bulk.js';
import { nodeFor } from './schema-node.js';
import { source, wildText } from './sources.js';
import { yamlText } from './yaml-node.js';

/** What a person, or somebody who means no good, hands to `secpi run`. */
export interface RecipeCase {
  /** The bytes of `recipe.yaml`. */
  readonly recipe: Uint8Array;
  /** The bytes of `parent.yaml`, which the recipe may extend. */
  readonly parent: Uint8Array;
  readonly overrides: readonly string[];
}

const quickstart = readFileSync(join(packageRoot, 'recipes', 'quickstart.yaml'), 'utf8');

/** What YAML has its own opinion on, to be put where nobody expects it. */
const splinters = [
  '&a ',
  '*a',
  '*b ',
  '<<: *a\n',
  '<<: [*a, *a]\n',
  '!!set ',
  '!a ',
  '[[[[[[',
  ']',
  '{ ',
  '}',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '---\n',
  '...\n',
  '%YAML 1.1\n---\n',
  '\ufeff',
  '"',
  "'",
  '|\n',
  '>-\n',
  '? ',
  ': ',
  '- ',
  '#',
  '${HERE}',
  '\\ud83d',
  '"\\ud83d"',
  '\u0000',
  '\u0002',
  '\u0018',
  '\u001f',
  '\u2028',
  'extends: parent.yaml\n',
  'extends: recipe.yaml\n',
  'seed: 1\n',
];

type Edit = (lines: string[], at: number, other: number) => void;

const lineEdits: readonly Edit[] = [
  (lines, at) => void lines.splice(at, 1),
  (lines, at) => void lines.splice(at, 0, lines[at] ?? ''),
  (lines, at, other) => {
    [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
  },
  (lines, at) => {
    lines[at] = ` ${lines[at] ?? ''}`;
  },
  (lines, at) => {
    lines[at] = (lines[at] ?? '').trimStart();
  },
  (lines, at) => void lines.splice(at),
];

/** A text with lines taken out, doubled, swapped, moved, and splinters put in. */
function mutated(text: fc.Arbitrary<string>, most = 3): fc.Arbitrary<string> {
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const edits = fc.array(fc.tuple(fc.constantFrom(...lineEdits), place, place), { maxLength: most });
  const put = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...splinters), source), place), { maxLength: most });
  return fc.tuple(text, edits, put).map(([original, changes, pieces]) => {
    const lines = original.split('\n');
    for (const [edit, at, other] of changes) {
      edit(lines, Math.floor(at * lines.length), Math.floor(other * lines.length));
    }
    return pieces.reduce((changed, [piece, at]) => {
      const cut = Math.floor(at * changed.length);
      return changed.slice(0, cut) + piece + changed.slice(cut);
    }, lines.join('\n'));
  });
}

const sound = nodeFor(recipeSchema, 0).map(yamlText);
const odd = nodeFor(recipeSchema, 1).map(yamlText);

const text = fc.oneof(
  { weight: 3, arbitrary: sound },
  { weight: 3, arbitrary: odd },
  { weight: 2, arbitrary: mutated(sound) },
  { weight: 3, arbitrary: mutated(fc.constant(quickstart)) },
  { weight: 10, arbitrary: mutated(fc.constant(quickstart), 1) },
  { weight: 2, arbitrary: anyNode.map(yamlText) },
  { weight: 1, arbitrary: wildText(200) },
  { weight: 1, arbitrary: bulk },
  { weight: 1, arbitrary: fc.tuple(bulk, mutated(sound)).map((parts) => parts.join('')) },
);

/** A text's bytes: now and then in another encoding, or with some of them flipped. */
function encoded(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 12, arbitrary: texts.map((written) => Buffer.from(written)) },
    { weight: 1, arbitrary: texts.map((written) => Buffer.from(`description: caf\u00e9\n${written}`, 'latin1')) },
    {
      weight: 1,
      arbitrary: fc.tuple(texts, flips).map(([written, changes]) => {
        const bytes = Buffer.from(written);
        for (const [at, mask] of changes)
          if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask;
        return bytes;
      }),
    },
  );
}

const pathPart = fc.oneof(
  fc.constantFrom(
    'train',
    'models',
    'collect',
    'sources',
    'evaluate',
    'gates',
    'min_gain',
    'suites',
    'teacher',
    'target',
  ),
  fc.constantFrom(
    '0',
    '1',
    '7',
    '01',
    '"mini.func_at_1"',
    "'a.b'",
    '"\\ud83d"',
    '__proto__',
    'constructor',
    'file',
    'name',
  ),
  fc.string({ maxLength: 4 }),
);
const joint = fc.constantFrom('.', '.', '.', '[0].', '[1].', '[99999999999999999999].', '..', '[0]', '');

const override = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'collect.sources.0.file=rows.jsonl',
      'collect.sources[0].licence=mit',
      'train.steps=3',
      'seed=8',
      'models.teacher.replay=null',
      'evaluate.gates.min_gain."mini.func_at_1"=0.5',
      'collect.sources.1={ hub: a/b }',
      'train=null',
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.array(fc.tuple(pathPart, joint), { minLength: 1, maxLength: 4 }),
        fc.oneof(source, anyNode.map(yamlText)),
      )
      .map(
        ([parts, value]) =>
          `${parts
            .map((part) => part.join(''))
            .join('')
            .replace(/\.$/, '')}=${value}`,
      ),
  },
  { weight: 1, arbitrary: wildText(20) },
);

/** Recipes from sound to hostile, alone and on top of another, with overrides. */
export const recipeCase: fc.Arbitrary<RecipeCase> = fc.record({
  recipe: fc.oneof(
    { weight: 5, arbitrary: encoded(text) },
    { weight: 1, arbitrary: encoded(text.map((written) => `extends: parent.yaml\n${written}`)) },
  ),
  parent: fc.oneof(
    { weight: 1, arbitrary: fc.constant(Buffer.from(quickstart)) },
    { weight: 1, arbitrary: encoded(text) },
  ),
  overrides: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(override, { maxLength: 3 }) },
  ),
});
