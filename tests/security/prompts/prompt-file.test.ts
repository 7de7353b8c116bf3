import { describe, expect, it } from 'vitest';
import { parsePromptFile, promptsDigest, promptTemplate } from '../../../src/security/prompts/prompt-file.js';

describe('parsePromptFile', () => {
  const parts = '## system\nBe brief.\n\n## user\n{{task}}\n';

  it('splits the parts and leaves the comment out of text and hash', () => {
    const plain = parsePromptFile(parts, 'p.md');
    expect(plain).toMatchObject({ system: 'Be brief.', user: '{{task}}' });
    const commented = parsePromptFile(`<!-- for people\n## user\n-->\r\n${parts.replaceAll('\n', '\r\n')}`, 'p.md');
    expect(commented).toEqual(plain);
  });

  it('reads examples between them, which change the hash', () => {
    const examples = (reason: string) =>
      parts.replace(
        '## user',
        `## examples\n- {language: c, task: x, answer: {relevant: false, cwes: [], confidence: 1, reason: ${reason}}}\n\n## user`,
      );
    const read = parsePromptFile(examples('y'), 'p.md');
    expect(read).toMatchObject({
      system: 'Be brief.',
      user: '{{task}}',
      examples: [{ task: 'x', answer: { reason: 'y' } }],
    });
    expect(
      new Set([parts, examples('y'), examples('z')].map((text) => parsePromptFile(text, 'p.md').sha256)).size,
    ).toBe(3);
  });

  it.each(['- language: c', '{', 'x', '- {language: c, task: x, answer: {relevant: maybe}}'])(
    'refuses the examples %j',
    (text) => {
      expect(() => parsePromptFile(`## system\nx\n## examples\n${text}\n## user\ny`, 'p.md')).toThrow(
        /examples that cannot be read/,
      );
    },
  );

  it('changes its hash with every part', () => {
    const hashes = [parts, parts.replace('brief', 'long'), parts.replace('{{task}}', '{{task}}!')].map(
      (text) => parsePromptFile(text, 'p.md').sha256,
    );
    expect(new Set(hashes).size).toBe(3);
  });

  it.each(['', '## system\nx\n', '## user\nx\n## system\ny\n', '## system\n\n## user\nx'])('refuses %j', (text) => {
    expect(() => parsePromptFile(text, 'p.md')).toThrow(/"## system" and "## user"/);
  });
});

describe('the prompts that ship with secpi', () => {
  it('have holes for what is put in, and a digest each', () => {
    expect(promptTemplate('classify').system).toContain('{{catalogue}}');
    expect(promptTemplate('trace').user).toBe('{{task}}');
    const { classify, trace } = promptsDigest();
    expect(classify).toMatch(/^[0-9a-f]{64}$/);
    expect(trace).toMatch(/^[0-9a-f]{64}$/);
    expect(classify).not.toBe(trace);
  });
});
