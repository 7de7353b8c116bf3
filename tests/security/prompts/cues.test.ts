import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { withCue } from '../../../src/security/prompts/cues.js';
import { traceMessages } from '../../../src/security/prompts/trace-prompt.js';

const catalogue = loadCatalogue();
const question = [{ role: 'user' as const, content: 'Find a user.' }];
const problem = { prompt: 'Find a user.', language: 'python', cwes: ['CWE-89', 'CWE-99999'] };

describe('a cue', () => {
  it('that is none changes nothing', () => {
    expect(withCue(question, undefined, problem, catalogue)).toEqual(question);
  });

  it('names the weaknesses of the problem, by their numbers where nobody knows more', () => {
    const { name } = catalogue.entries.get('CWE-89') ?? { name: '' };
    expect(withCue(question, 'cwe-cue', problem, catalogue)).toEqual([
      {
        role: 'user',
        content: `Find a user.\n\nMake sure that the code has none of these weaknesses: CWE-89 (${name}), CWE-99999.`,
      },
    ]);
  });

  it('says all that a teacher is told, in front of what the suite says itself', () => {
    const [system] = traceMessages(problem, ['CWE-89'], catalogue).messages;
    expect(withCue(question, 'full-prompt', problem, catalogue)).toEqual([system, ...question]);
    const own = [{ role: 'system' as const, content: 'You write Flask.' }, ...question];
    expect(withCue(own, 'full-prompt', problem, catalogue)).toEqual([
      { role: 'system', content: `${system?.content}\n\nYou write Flask.` },
      ...question,
    ]);
  });

  it('comes down to less where a problem names less', () => {
    const unknown = { ...problem, cwes: ['CWE-99999'] };
    expect(withCue(question, 'full-prompt', unknown, catalogue)).toEqual(
      withCue(question, 'cwe-cue', unknown, catalogue),
    );
    const none = { ...problem, cwes: [] };
    const reminded = [{ role: 'user', content: 'Find a user.\n\nMake sure that the code is secure.' }];
    for (const cue of ['reminder', 'cwe-cue', 'full-prompt'] as const)
      expect(withCue(question, cue, none, catalogue)).toEqual(reminded);
  });
});
