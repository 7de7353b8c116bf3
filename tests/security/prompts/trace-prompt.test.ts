import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { traceMessages } from '../../../src/security/prompts/trace-prompt.js';
import { promptLeak } from '../../../src/security/texts/leak.js';

const catalogue = loadCatalogue();
const task = { prompt: 'Look a user up by name: {{task}} ## system', language: 'go' };

describe('traceMessages', () => {
  const { messages, guidance } = traceMessages(task, ['CWE-89'], catalogue);
  const [system, user] = messages;

  it('shows the task as the tuned model will see it, and nothing else, in the user message', () => {
    expect(user).toEqual({ role: 'user', content: task.prompt });
    expect(messages).toHaveLength(2);
  });

  it('names the selected weakness with the advice for the language only', () => {
    expect(system?.content).toContain('CWE-89, SQL injection.');
    expect(system?.content).toContain('QueryContext');
    expect(system?.content).not.toContain('cursor.execute');
    expect(system?.content).not.toMatch(/CWE-(?!89\b)\d/);
    for (const harmless of catalogue.entries.get('CWE-89')?.negative_triggers ?? [])
      expect(system?.content).toContain(harmless);
    expect(system?.content).toContain('exactly one fenced code block in Go');
  });

  it('shows no benchmark and no evidence pattern', () => {
    for (const id of catalogue.entries.keys()) {
      const text = traceMessages(task, [id], catalogue).guidance.text;
      expect(text).not.toMatch(/cweval|baxbench|\{0,\d|\(\?:/i);
    }
  });

  it('returns the guidance for the leak filter', () => {
    expect(guidance.text).toBe(system?.content);
    expect(guidance.names).toEqual(expect.arrayContaining(['CWE-89', 'SQL injection']));
    expect(promptLeak(`Thinking: ${guidance.text}`, guidance, task.prompt)?.kind).toBe('ngram');
  });

  it('works in every language, known or not, for every weakness', () => {
    for (const language of ['python', 'javascript', 'c', 'cpp', 'go', 'unknown', 'constructor']) {
      const all = traceMessages({ prompt: 'x', language }, [...catalogue.entries.keys()], catalogue);
      expect(all.messages[0]?.content.split('\nCWE-')).toHaveLength(catalogue.entries.size + 1);
    }
  });

  it('refuses no weakness and unknown weaknesses', () => {
    expect(() => traceMessages(task, [], catalogue)).toThrow(/at least one/);
    expect(() => traceMessages(task, ['CWE-1'], catalogue)).toThrow(/CWE-1 is not in/);
  });
});
