import { describe, expect, it } from 'vitest';
import { RecipeError } from '../../src/recipe/diagnostic.js';
import { parseRecipe, readDocument } from '../../src/recipe/document.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** `line:column message` of every mistake, in their order. */
function mistakesIn(text: string): readonly string[] {
  const { mistakes, source } = parseRecipe('r.yaml', text);
  return said(mistakes, source);
}

function said(mistakes: ConstructorParameters<typeof RecipeError>[0], source: string): readonly string[] {
  const { diagnostics } = new RecipeError(mistakes, new Map([['r.yaml', source]]));
  return diagnostics.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`);
}

describe('aliases', () => {
  it('that stand inside what they stand for are refused at their place', () => {
    const inside = 'this alias stands inside the value that it stands for';
    expect(mistakesIn('description: &a [*a]\n')).toEqual([`1:18 ${inside}`]);
    expect(mistakesIn('name: a\ntrain: &t\n  lora: { rank: *t }\n')).toEqual([`3:17 ${inside}`]);
    expect(mistakesIn('train: &t\n  <<: *t\n')).toEqual([`2:7 ${inside}`]);
  });

  it('that point nowhere are refused at their place, each', () => {
    expect(mistakesIn('name: *a\nseed: *b\nx: &a 1\n')).toEqual([
      '1:7 no value above is marked as `&a`',
      '2:7 no value above is marked as `&b`',
    ]);
  });

  it('are refused where they become too much: of aliases, of long texts, of maps with long keys', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]\n`,
    );
    const long = 'x'.repeat(900);
    const uses = (what: string) => Array.from({ length: 300 }, (_, index) => `k${index}: ${what}\n`).join('');
    for (const text of [
      `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${levels.join('')}`,
      `a: &a ${long}\n${uses('*a')}`,
      `a: &a { ${long}: 1 }\n${uses('{ <<: *a }')}`,
    ]) {
      const [only, ...more] = mistakesIn(text);
      expect(only).toMatch(/^\d+:\d+ aliases expand to too much from here on$/);
      expect(more).toEqual([]);
      const [line = 0, column = 0] = (only ?? '').split(/[: ]/).map(Number);
      expect(text.split('\n')[line - 1]?.slice(column - 1)).toMatch(/^\*a/);
    }
  });

  it('nest what they stand for no deeper than anything else', () => {
    const inside = `${'['.repeat(60)}1${']'.repeat(60)}`;
    const around = `${'['.repeat(60)}*a${']'.repeat(60)}`;
    expect(mistakesIn(`a: &a ${inside}\nb: ${around}\n`)).toEqual(['2:64 nested more than 100 deep']);
  });

  it('stand for the latest value of that name', () => {
    const { document } = parseRecipe('r.yaml', 'a: &x [1, &x 2]\nb: *x\nc: &x 3\nd: *x\n&y key: *y\n');
    expect(document?.value).toEqual({ a: [1, 2], b: 2, c: 3, d: 3, key: 'key' });
  });
});

describe('merge keys', () => {
  it('fill in what the map does not say itself, the first map first', () => {
    const text = 'a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc: { <<: [*a, *b, { w: 3 }], z: 4 }\n"<<": text\n';
    expect(parseRecipe('r.yaml', text).document?.value).toEqual({
      a: { x: 1, y: 1 },
      b: { y: 2, z: 2 },
      c: { x: 1, y: 1, z: 4, w: 3 },
      '<<': 'text',
    });
  });

  it('of what is no map are refused at the alias or the key to blame', () => {
    expect(mistakesIn('a: &a 1\nb:\n  <<: *a\n')).toEqual(['3:7 only maps can be merged']);
    expect(mistakesIn('a: &a [1]\nb: { <<: [*a] }\n')).toEqual(['2:11 only maps can be merged']);
    expect(mistakesIn('b:\n  <<: 3\n')).toEqual(['2:3 only maps can be merged']);
    expect(mistakesIn('b:\n  <<: *nowhere\n')).toEqual(['2:7 no value above is marked as `&nowhere`']);
  });

  it('stand once in a map', () => {
    expect(mistakesIn('a: &a { x: 1 }\nb:\n  <<: *a\n  <<: *a\n')).toEqual([
      '4:3 this key stands twice in the same map',
    ]);
  });
});

describe('keys', () => {
  it('are what is written, and stand once', () => {
    const { document } = parseRecipe('r.yaml', '1: a\n0x10: b\n~: c\ntrue: d\n');
    expect(document?.value).toEqual({ '1': 'a', '0x10': 'b', '~': 'c', true: 'd' });
    expect(mistakesIn('1: a\n"1": b\n')).toEqual(['2:1 this key stands twice in the same map']);
    expect(mistakesIn('a: 1\nb: { c: 1, c: 2 }\na: 2\n')).toEqual([
      '2:12 this key stands twice in the same map',
      '3:1 this key stands twice in the same map',
    ]);
  });

  it('are no lists, maps or aliases', () => {
    const message = 'a key must be a plain word, not a list, a map or an alias';
    expect(mistakesIn('? [a]\n: 1\n')).toEqual([`1:3 ${message}`]);
    expect(mistakesIn('a: &a x\n*a : 1\n')).toEqual([`2:1 ${message}`]);
  });
});

describe('what YAML has and recipes have no use for', () => {
  it.each(['!', '!a', '!!str', '!!int', '!!set', '!!omap', '!!binary', '!!map', '!!float', '!<tag:yaml.org,2002:str>'])(
    'the tag %s is refused at its place',
    (tag) => {
      expect(mistakesIn(`name: a\nseed: ${tag} 3\n`)).toEqual([`2:7 a recipe has no tags, such as ${tag}`]);
      expect(mistakesIn(`seed: ${tag}\n  a: 3\n`)).toEqual([`1:7 a recipe has no tags, such as ${tag}`]);
      expect(mistakesIn(`seed: [${tag} [a]]\n`)).toEqual([`1:8 a recipe has no tags, such as ${tag}`]);
    },
  );

  it('tags are refused on keys and empty values too, and only tags', () => {
    expect(mistakesIn('!!str name: a\nseed: !a\n')).toEqual([
      '1:1 a recipe has no tags, such as !!str',
      '2:7 a recipe has no tags, such as !a',
    ]);
    expect(parseRecipe('r.yaml', 'a: "!no"\nb: no!\nc: |\n  !no\n# !no\n').document?.value).toEqual({
      a: '!no',
      b: 'no!',
      c: '!no\n',
    });
  });

  it.each(['%YAML 1.1', '%YAML 1.2', '%TAG ! tag:example.com,2000:', '%ANY thing'])(
    'the line %s is refused',
    (line) => {
      expect(mistakesIn(`# note\n${line}\n---\nname: a\n`)).toEqual([
        '2:1 a recipe has no lines that begin with %, such as %YAML and %TAG',
      ]);
    },
  );

  it('a second document is refused where it begins, a mark before or behind the only one is not', () => {
    const second = 'a second document begins here; a recipe is one';
    expect(mistakesIn('name: a\n---\nname: b\n')).toEqual([`2:1 ${second}`]);
    expect(mistakesIn('name: a\n---\n')).toEqual([`2:1 ${second}`]);
    expect(mistakesIn('name: a\n...\nname: b\n')).toEqual([`3:1 ${second}`]);
    expect(mistakesIn('name: [a\n---\nname: b\n')).toContain(`2:1 ${second}`);
    expect(parseRecipe('r.yaml', '---\nname: a\n...\n# end\n').document?.value).toEqual({ name: 'a' });
  });
});

describe('texts and numbers that cannot be kept', () => {
  it.each(['"\\ud83d"', '"a\\ude00b"', '"\\ude00\\ud83d"'])('half of a surrogate pair in %s is refused', (text) => {
    const half = 'this text holds half of a surrogate pair, which is no character';
    expect(mistakesIn(`name: a\ndescription: ${text}\n`)).toEqual([`2:14 ${half}`]);
    expect(mistakesIn(`models:\n  ${text}: { model: a }\n`)).toEqual([`2:3 ${half}`]);
    expect(mistakesIn(`a: [x, ${text}]\n`)).toEqual([`1:8 ${half}`]);
  });

  it('both halves are a character', () => {
    expect(parseRecipe('r.yaml', 'a: "\\ud83d\\ude00"\n').document?.value).toEqual({ a: '😀' });
  });

  it.each(['9007199254740993', '-99999999999999999999', '0xFFFFFFFFFFFFFFFF', '0o7777777777777777777777'])(
    'the integer %s is refused',
    (integer) => {
      expect(mistakesIn(`seed: ${integer}\n`)).toEqual(['1:7 this integer is too large to be kept exactly']);
    },
  );
});

describe('files', () => {
  const read = async (bytes: Uint8Array) => {
    await using folder = await temporaryFolder();
    const { mistakes, source } = await readDocument(await folder.write('r.yaml', bytes), 'r.yaml');
    return said(mistakes, source);
  };

  it.each([
    ['Latin-1', Buffer.from('name: a\ndescription: caf\u00e9 noir\n', 'latin1'), '2:17'],
    ['a character that is cut off', Buffer.from([0x61, 0x3a, 0x20, 0xe2, 0x82]), '1:4'],
    ['a character that is cut short', Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0xa9, 0xef, 0xbf, 0x0a]), '1:5'],
    ['a surrogate half as bytes', Buffer.from([0x61, 0x3a, 0x20, 0xed, 0xa0, 0xbd]), '1:4'],
    ['a byte behind a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x3a, 0x20, 0xff]), '1:4'],
    ['a byte behind U+FFFD', Buffer.from([0x61, 0xef, 0xbf, 0xbd, 0x0a, 0xef, 0xbf, 0xbd, 0x80]), '2:2'],
  ])('that are not UTF-8 are refused at the first bad byte: %s', async (_what, bytes, place) => {
    expect(await read(bytes)).toEqual([`${place} this is not UTF-8 text`]);
  });

  it('may begin with a byte order mark, which counts for nothing', async () => {
    expect(await read(Buffer.from('\ufeffname: *a\n'))).toEqual(['1:7 no value above is marked as `&a`']);
  });

  it('without anything in them say so', () => {
    for (const text of ['', '\n\n', '# only a note\n']) expect(mistakesIn(text)).toEqual(['1:1 the recipe is empty']);
    expect(mistakesIn('---\n')).toEqual(['1:4 a recipe is a map of keys, such as `name:` and `train:`']);
  });
});

describe('the place of a value', () => {
  it('is found through merge keys, aliases and lists', () => {
    const { document } = parseRecipe(
      'r.yaml',
      'base: &b { x: 1 }\ntrain:\n  <<: *b\n  y: 2\nother: *b\nlist:\n  - { a: 1 }\n  - *b\n',
    );
    const place = (path: readonly PropertyKey[], what: 'key' | 'value') => {
      const { line, column } = document?.locate(path, what).location ?? {};
      return [line, column];
    };
    expect(place(['train', 'x'], 'value')).toEqual([1, 15]);
    expect(place(['other', 'x'], 'key')).toEqual([1, 12]);
    expect(place(['other'], 'value')).toEqual([5, 8]);
    expect(place(['list', 0, 'a'], 'value')).toEqual([7, 10]);
    expect(place(['list', 1], 'value')).toEqual([8, 5]);
    expect(place(['list', 1, 'missing'], 'value')).toEqual([8, 5]);
    expect(place(['train', 'missing', 'more'], 'value')).toEqual([2, 1]);
    expect(place(['missing'], 'key')).toEqual([1, 1]);
  });
});

describe('one slip', () => {
  const tab = 'Tabs are not allowed as indentation';
  const deeper = 'this line is indented deeper than the one above, which has a value already';
  it.each([
    ['a tab in several lines', 'name: x\ntrain:\n\tepochs: 1\n\tlora:\n\t\tr: 3\n\t\ts: 4\nseed: 1\n', `3:1 ${tab}`],
    ['a tab behind spaces', 'train:\n  lora:\n  \tr: 3\n', `3:3 ${tab}`],
    ['a tab in a list', 'groups:\n\t- a\n\t- b\n', `2:1 ${tab}`],
    ['a tab in brackets', 'train: {\n\tepochs: 1,\n\trank: 2\n}\n', `2:1 ${tab}`],
    ['a tab in a text over several lines', 'description: |\n\thello\nseed: 1\n', `2:1 ${tab}`],
    ['a line too far in', 'train:\n  epochs: 1\n    rank: 2\nseed: 1\n', `3:5 ${deeper}`],
    ['a line too far in, at the top', 'name: x\n  seed: 1\n', `2:3 ${deeper}`],
    ['a quote that is not closed', 'name: "x\nseed: 1\ntrain:\n  epochs: 1\n', '1:7 this quote is not closed'],
    ['the other quote', "a: 'b'\nname: 'x\nseed: 1\n", '2:7 this quote is not closed'],
    ['a quote in a text in quotes', "name: 'it's'\n", '1:11 the value has ended at the quote before this'],
    ['no colon', 'name: x\nseed 1\ntrain:\n  epochs: 1\n', '2:1 this is no key with a value'],
    ['no colon at the end', 'name: x\nseed 1\n', '2:1 this is no key with a value'],
    [
      'no colon above a map',
      'train\n  epochs: 1\n  lora: {}\n  rank: 2\n  bits: 4\nseed: 1\n',
      '1:1 this is no key with a value',
    ],
    [
      'lines too far out',
      'train:\n  epochs: 1\n rank: 2\n bits: 4\nseed: 1\n',
      '3:1 All mapping items must start at the same column',
    ],
    ['no blank behind a colon', 'name:x\nseed: 1\n', '1:1 this is no key with a value'],
    ['a key twice, lines with CR LF', 'name: x\r\nseed: 1\r\nseed: 2\r\n', '3:1 this key stands twice in the same map'],
  ])('is one mistake, where it is: %s', (_what, text, mistake) => {
    expect(mistakesIn(text)).toEqual([mistake]);
  });

  it('of others is not hidden by tabs that indent nothing', () => {
    expect(mistakesIn('name:\t@x\nseed: 1\t# a\n\t\ndescription: a: b\n')).toHaveLength(2);
    expect(parseRecipe('r.yaml', 'a: |\n  x\n  \ty\n').document?.value).toEqual({ a: 'x\n\ty\n' });
  });
});

describe('what to do', () => {
  const hints = (text: string) => {
    const { mistakes, source } = parseRecipe('r.yaml', text);
    return new RecipeError(mistakes, new Map([['r.yaml', source]])).diagnostics.map(({ hint }) => hint);
  };

  it.each([
    ['train:\n\tepochs: 1\n', 'Indent with spaces, here and in all other lines that begin with a tab.'],
    ['train:\n  epochs: 1\n rank: 2\n', 'The keys of one map begin in the same column.'],
    ['name: @x\n', 'A text that begins with this sign stands in quotes.'],
    ['name: *.jsonl\n', 'A text that begins with * stands in quotes.'],
    ["description: it's: bad\n", 'A text with a colon and a blank in it stands in quotes.'],
    ['train: { epochs: 2\nseed: 1\n', 'A bracket above it is not closed.'],
    ['groups: [a, b\nseed: 1\n', 'A bracket above it is not closed.'],
    ['', '`secpi init` writes a recipe to start from.'],
    ['seed: 1\nseed: 2\n', undefined],
  ])('is said with what the parser says of %j', (text, hint) => {
    expect(hints(text)).toContain(hint);
  });

  it('is said once for all where no mistake says it', () => {
    const error = (text: string) => {
      const { mistakes, source } = parseRecipe('r.yaml', text);
      return new RecipeError(mistakes, new Map([['r.yaml', source]]));
    };
    expect(error('seed: 1\nseed: 2\n').hint).toBe('Every field is described in docs/recipe.md.');
    expect(error('train:\n\tepochs: 1\n').hint).toBeUndefined();
  });
});
