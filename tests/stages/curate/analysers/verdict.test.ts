import { describe, expect, it } from 'vitest';
import type { Analyser } from '../../../../src/stages/curate/analysers/analyser.js';
import { rowOf } from '../../../../src/stages/curate/analysers/verdict.js';

const analyser: Analyser = {
  program: { name: 'reader', versionArgv: ['reader'], version: () => '1', env: {}, hint: '' },
  endings: { python: 'py' },
  rules: [{ id: 'own', cwes: ['CWE-89'], languages: ['python'] }],
  argv: ['reader'],
  seconds: { begin: 1, file: 1 },
  mebibytes: 64,
  read: () => ({ findings: [], looked: new Set(), unread: new Map() }),
};

describe('rowOf', () => {
  it('tells first what speaks of the task, whatever else stands above it, and no more than twenty findings', () => {
    const others = Array.from({ length: 25 }, (_, at) => ({ rule: 'other', line: 25 - at, says: 'something' }));
    const own = { rule: 'own', line: 99, says: 'SQL from strings' };
    const code = { language: 'python', cwes: ['CWE-89'], text: 'pass' };
    const row = rowOf({ analyser, version: '1' }, code, { found: [...others, own] });
    expect(row.verdict).toBe('finding');
    expect(row.findings[0]).toEqual({ ...own, cwes: ['CWE-89'] });
    expect(row.findings.slice(1).map(({ line }) => line)).toEqual(Array.from({ length: 19 }, (_, at) => at + 1));
  });
});
