import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/base/suggestion.js';

describe('nearestName', () => {
  it.each([
    ['trian', ['filter', 'train', 'trace'], 'train'],
    ['learning_rat', ['epochs', 'learning_rate'], 'learning_rate'],
    ['Hub', ['file', 'hub'], 'hub'],
    ['minni', ['mini'], 'mini'],
    ['onn', ['by', 'on'], 'on'],
    ['nmae', ['extends', 'name'], 'name'],
    ['naem', ['extends', 'name'], 'name'],
  ])('finds what %s was meant to be', (word, candidates, name) => {
    expect(nearestName(word, candidates)).toBe(name);
  });

  it('prefers the nearest, and of equals the first', () => {
    expect(nearestName('samples', ['sample', 'samplers', 'samples'])).toBe('samples');
    expect(nearestName('tracks', ['tracky', 'trackz'])).toBe('tracky');
  });

  it('has no suggestion where nothing is near', () => {
    expect(nearestName('banana', ['train', 'trace'])).toBeUndefined();
    expect(nearestName('ab', ['on', 'by'])).toBeUndefined();
    expect(nearestName('emna', ['name'])).toBeUndefined();
    expect(nearestName('', ['a', 'on'])).toBeUndefined();
    expect(nearestName('train', [])).toBeUndefined();
  });

  it('compares words of up to 64 letters, and a thousand candidates', () => {
    const word = 'w'.repeat(64);
    expect(nearestName(`${word.slice(1)}x`, [word])).toBe(word);
    expect(nearestName(`${word}x`, [word])).toBeUndefined();
    const others = Array.from({ length: 999 }, () => 'filter');
    expect(nearestName('trian', [...others, 'train'])).toBe('train');
    expect(nearestName('trian', [...others, 'filter', 'train'])).toBeUndefined();
  });

  it('costs nothing to speak of for very long words and very many candidates', () => {
    const long = 'x'.repeat(1_000_000);
    const many = Array.from({ length: 100_000 }, (_, index) => `${'y'.repeat(60)}${index}`);
    const ask = () => {
      expect(nearestName(long, [long, ...many])).toBeUndefined();
      expect(nearestName('train', [long, 'trian'])).toBe('trian');
      for (let count = 0; count < 20; count += 1) nearestName('z'.repeat(63), many);
    };
    // Takes less than a second; comparing all of it would take many minutes, and has to be stopped from outside.
    expect(() => runInNewContext('ask()', { ask }, { timeout: 30_000 })).not.toThrow();
  });
});
