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
    ['code about the tag', "x = text.split('</think>')[-1]", null, "x = text.split('</think>')[-1]"],
    ['a pattern about the tag', "re.sub('<think>.*</think>', '', t)", null, "re.sub('<think>.*</think>', '', t)"],
    ['a string that begins with the tag', 't = "</think>\\n\\n"', null, 't = "</think>\\n\\n"'],
    ['a string inside a string', '{"t": "\\"</think>\\""}', null, '{"t": "\\"</think>\\""}'],
    [
      'a thought about the tag',
      '<think>end it with `</think>`, then\n</think>yes',
      'end it with `</think>`, then',
      'yes',
    ],
    [
      'a span about both tags',
      '<think>no ``<think>`x</think>`` here</think>yes',
      'no ``<think>`x</think>`` here',
      'yes',
    ],
    ['a thought that ends in a quote', "<think>I'd say 'done'</think>Here's it", "I'd say 'done'", "Here's it"],
    ['a thought that ends in a fence', '<think>```\na\n```</think>\n```\nb\n```', '```\na\n```', '```\nb\n```'],
    ['an answer that begins with a fence', '<think>a</think>```py\nb\n```', 'a', '```py\nb\n```'],
    ['a thought that only speaks of its end', '<think>close with "</think>" and', 'close with "</think>" and', ''],
    ['the marks of Seed-OSS', '<seed:think>why</seed:think>yes', 'why', 'yes'],
    ['the marks of Magistral', '[THINK]why[/THINK]\n\nyes', 'why', 'yes'],
    [
      'the marks of OpenThoughts',
      '<|begin_of_thought|>\n\nwhy\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nyes\n\n<|end_of_solution|>',
      'why',
      'yes',
    ],
    [
      'a marked answer that was cut off',
      '<|begin_of_thought|>why<|end_of_thought|><|begin_of_solution|>ye',
      'why',
      'ye',
    ],
    ['a marked thought that was cut off', '<|begin_of_thought|>why and', 'why and', ''],
    [
      'a thought of one kind about another',
      '[THINK]end with </think> or so[/THINK]yes',
      'end with </think> or so',
      'yes',
    ],
    ['an opening tag in the middle of an answer', 'the tag <think> opens', null, 'the tag <think> opens'],
  ])('reads %s', (_, text, reasoning, content) => {
    expect(splitThink(text)).toEqual({ reasoning, content });
  });

  it('takes time that grows with the text and no faster', () => {
    const text = '"</think>"'.repeat(100_000);
    expect(splitThink(text)).toEqual({ reasoning: null, content: text });
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
