import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitThink } from '../../../src/models/asking/think.js';

describe('splitThink', () => {
  it.each([
    ['an answer without thoughts', '  plain\n', null, '  plain\n'],
    ['an inline block', '<think>\nwhy\n</think>\n\nthe answer', 'why', 'the answer'],
    ['a tag that the prompt opened', 'why\n</think>\n\nthe answer', 'why', 'the answer'],
    ['a block that was cut off', '<think>\nwhy and', 'why and', ''],
    ['an empty block', '<think></think>yes', '', 'yes'],
    ['white space before the block', '\n <think>a</think>b', 'a', 'b'],
    ['an answer about the tags', '<think>a</think>use </think> to close', 'a', 'use </think> to close'],
    ['an opening tag in the middle of an answer', 'the tag <think> opens', null, 'the tag <think> opens'],
  ])('reads %s', (_, text, reasoning, content) => {
    expect(splitThink(text)).toEqual({ reasoning, content });
  });

  it('gives back what was put in', () => {
    const part = fc.string().filter((text) => !text.includes('think>'));
    fc.assert(
      fc.property(part, part, fc.boolean(), (reasoning, content, opened) => {
        const text = `${opened ? '<think>' : ''}\n${reasoning}\n</think>\n\n${content}`;
        expect(splitThink(text)).toEqual({ reasoning: reasoning.trim(), content: content.trim() });
      }),
    );
  });
});
