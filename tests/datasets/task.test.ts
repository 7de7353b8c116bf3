import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Json } from '../../src/base/hash.js';
import { normalisePrompt, taskId } from '../../src/datasets/task.js';

/** What the id is defined as; ids stand in artifacts, shards and answers, and must never change. */
const defined = (prompt: string, language: string) =>
  `task-${sha256Json({ language, prompt: normalisePrompt(prompt) }).slice(0, 16)}`;

function outcomeOf(make: () => string): string {
  try {
    return make();
  } catch (error) {
    return String(error);
  }
}

describe('taskId', () => {
  it('is what its definition says, of any text, halves of characters and control characters included', () => {
    // `binary` gives any code points, among them halves of pairs.
    const some = fc.constantFrom('\ud83d', '\ude00 x', '\u2028"\\\r\n\u0000', ' a\r\nb ', '😀', '');
    const text = fc.array(fc.oneof(fc.string({ unit: 'binary' }), some), { maxLength: 3 }).map((all) => all.join(''));
    fc.assert(
      fc.property(
        text,
        text,
        (prompt, language) => outcomeOf(() => taskId(prompt, language)) === outcomeOf(() => defined(prompt, language)),
      ),
    );
  });

  it('stays what it was', () => {
    expect(taskId(' Write a loop.\r\n', 'go')).toBe(taskId('Write a loop.', 'go'));
    expect(taskId('Grüße, 😀: "a\\b"\n', 'c')).toBe('task-703ac3a450843136');
  });
});
