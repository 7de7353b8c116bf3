import { describe, expect, it } from 'vitest';
import { inOneSpelling, namesTerm, wordLine, wordsOf } from '../../../src/security/texts/words.js';

describe('wordsOf', () => {
  it('ignores case, punctuation and the spelling of -ise', () => {
    expect(wordsOf('Parameterised; sanitising, O_EXCL — größer')).toEqual([
      'parameterized',
      'sanitizing',
      'o_excl',
      'größer',
    ]);
  });
});

describe('inOneSpelling', () => {
  it('is what words go through, so that what is looked for in them can as well', () => {
    const text = 'an exercise, advised (emphasises|realise) noise-free, is_ise isolated';
    expect(wordsOf(inOneSpelling(text))).toEqual(wordsOf(text));
    expect(inOneSpelling('(?:exercise|advises) is')).toBe('(?:exercize|advizes) is');
  });
});

describe('namesTerm', () => {
  const line = wordLine('I pass placeholders, with shell=False. It is deserialization, not an excess of XSS.');

  it.each(['placeholder', 'shell=False', 'Deserialisation', 'XSS'])('finds %s', (term) => {
    expect(namesTerm(line, term)).toBe(true);
  });

  it.each(['holder', 'XS', 'exc', 'shell=True', '', '=='])('does not find %j', (term) => {
    expect(namesTerm(line, term)).toBe(false);
  });
});
