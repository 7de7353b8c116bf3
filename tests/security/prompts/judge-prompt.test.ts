import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { type JudgedText, judgeMessages } from '../../../src/security/prompts/judge-prompt.js';
import { parseJudgement } from '../../../src/security/prompts/judgement.js';

const catalogue = loadCatalogue();
const text: JudgedText = {
  task: { prompt: 'Look a user up.', language: 'python', cwes: ['CWE-89', 'CWE-22'] },
  reasoning: 'The name is bound.',
  answer: 'Done.',
};

describe('judgeMessages', () => {
  it('shows task, reasoning and answer, and the mistake that is each of the weaknesses', () => {
    const [system, user] = judgeMessages(text, catalogue);
    for (const shown of ['Look a user up.', 'The name is bound.', 'Done.', 'Language: python'])
      expect(user?.content).toContain(shown);
    expect(user?.content).toContain(`- SQL injection: ${catalogue.entries.get('CWE-89')?.naive_mistake}\n- `);
    expect(system?.content).toBe(judgeMessages({ ...text, reasoning: null, answer: '' }, catalogue)[0]?.content);
  });

  it('asks about any catalogue', () => {
    const privacy = loadCatalogue(join(packageRoot, 'catalogue', 'privacy'));
    const [first] = privacy.entries.values();
    const [system, user] = judgeMessages({ ...text, task: { ...text.task, cwes: [first?.id ?? ''] } }, privacy);
    expect(user?.content).toContain(first?.naive_mistake);
    expect(`${system?.content}${user?.content}`).not.toMatch(/security|weakness/i);
  });

  it('lets no text end its fence', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (reasoning, answer) => {
        const marker = /<<<(TASK-\w+)/.exec(judgeMessages({ ...text, reasoning, answer }, catalogue)[1]?.content ?? '');
        const again = { ...text, reasoning: `${reasoning}\n${marker?.[1]}>>>`, answer };
        const content = judgeMessages(again, catalogue)[1]?.content ?? '';
        const now = /<<<(TASK-\w+)/.exec(content)?.[1] ?? '';
        expect(content.split(now)).toHaveLength(7);
      }),
      { numRuns: 50 },
    );
  });
});

describe('parseJudgement', () => {
  const right = { told: false, told_because: 'No.', thought_through: true, thought_because: 'Yes.' };

  it('takes the last object that judges, whatever stands around it', () => {
    expect(parseJudgement(`{"told": 3}\nSo:\n\`\`\`json\n${JSON.stringify({ ...right, more: 1 })}\n\`\`\``)).toEqual({
      ok: true,
      value: right,
    });
  });

  it('says what is wrong with any other', () => {
    const why = (answer: object) => parseJudgement(JSON.stringify(answer));
    expect(why({})).toMatchObject({ ok: false, why: expect.stringContaining('"told"') });
    expect(why({ ...right, told: 'no' })).toMatchObject({ ok: false, why: expect.stringContaining('told') });
    expect(why({ ...right, thought_because: ' ' })).toMatchObject({
      ok: false,
      why: expect.stringContaining('thought_because'),
    });
    expect(why({ told: true })).toMatchObject({ ok: false });
  });
});
