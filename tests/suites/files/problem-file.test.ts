import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { SecpiError } from '../../../src/base/errors.js';
import { parseProblemFile } from '../../../src/suites/files/problem-file.js';

const good = {
  id: 'py-greet',
  title: 'Greet a visitor',
  language: 'python',
  cwes: ['CWE-89'],
  prompt: 'Write `greet(name)`.',
  solution: 'solution.py',
  entry: 'entry.py',
  cases: [
    { name: 'greets', kind: 'functional', args: ['{{canary}}'], expect: { stdout: 'hello {{canary}}' } },
    { name: 'refuses', kind: 'security', stdin: 'x', expect: { exit: 'any', files: { 'out.txt': 'absent' } } },
  ],
};

/** The error that a changed problem gives. */
function errorOf(change: Record<string, unknown> | string): SecpiError {
  const source = typeof change === 'string' ? change : stringify({ ...good, ...change });
  try {
    parseProblemFile('py-greet/problem.yaml', source);
  } catch (error) {
    if (error instanceof SecpiError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const withCase = (change: Record<string, unknown>) => ({
  cases: [...good.cases, { ...good.cases[0], name: 'more', ...change }],
});

describe('parseProblemFile', () => {
  it('fills in what a problem leaves out', () => {
    const problem = parseProblemFile('problem.yaml', stringify(good));
    expect(problem.limits).toEqual({ wall_seconds: 10, memory_mib: 512 });
    expect(problem.cases[0]).toEqual({
      name: 'greets',
      kind: 'functional',
      args: ['{{canary}}'],
      stdin: '',
      files: {},
      env: {},
      expect: { exit: 0, stdout: 'hello {{canary}}', stdout_contains: [], stdout_lacks: [], files: {} },
    });
  });

  it('names the file, the field and the line', () => {
    const error = errorOf({ cwes: ['89'] });
    expect(error.code).toBe('suites/bad-problem');
    expect(error.message).toBe('py-greet/problem.yaml:5:5: cwes[0]: must look like CWE-89');
    expect(error.location).toEqual({ file: 'py-greet/problem.yaml', line: 5, column: 5 });
  });

  it.each([
    ['language', { language: 'cobol' }],
    ['id', { id: '../x' }],
    ['prompt', { prompt: ' ' }],
    ['cwes', { cwes: [] }],
    ['cwes', { cwes: ['CWE-89', 'CWE-89'] }],
    ['solution: must end in .py', { solution: 'solution.js' }],
    ['entry: must be the name of a file', { entry: 'lib/entry.py' }],
    ['solution: is the same file as entry', { solution: 'entry.py' }],
    ['titel', { titel: 'x' }],
    ['cases: has no security case', { cases: good.cases.slice(0, 1) }],
    ['cwes: names no weakness', { cwes: undefined }],
    ['support[0]: must be the name of a file', { support: ['../helper.py'] }],
    ['support[0]: is a file of the program already', { support: ['entry.py'] }],
    ['support[1]: is a file of the program already', { support: ['a.py', 'a.py'] }],
    [
      'cases[2].files."a.py": is a file of the program itself',
      { support: ['a.py'], ...withCase({ files: { 'a.py': '' } }) },
    ],
    ['cases[2].expect.distinct_lines', withCase({ expect: { distinct_lines: 1 } })],
    ['cases[2].name: greets stands twice', withCase({ name: 'greets' })],
    ['cases[2].args[0]', withCase({ args: [3] })],
    ['cases[2].files', withCase({ files: { '../secret': 'x' } })],
    ['cases[2].files', withCase({ files: { '/etc/passwd': 'x' } })],
    ['cases[2].files."solution.py": is a file of the program itself', withCase({ files: { 'solution.py': 'x' } })],
    ['cases[2].env', withCase({ env: { 'A=B': 'x' } })],
    ['cases[2].expect: expects nothing', withCase({ expect: { exit: 'any' } })],
    ['cases[2].expect.exit', withCase({ expect: { exit: 256 } })],
    ['limits.wall_seconds', { limits: { wall_seconds: 0 } }],
  ])('complains about %s', (part, change) => {
    expect(errorOf(change).message).toContain(part);
  });

  it('holds a problem to what its suite measures', () => {
    const functional = { ...good, cwes: undefined, cases: good.cases.slice(0, 1) };
    expect(parseProblemFile('p.yaml', stringify(functional), ['functional'])).toMatchObject({ cwes: [] });
    expect(() => parseProblemFile('p.yaml', stringify(good), ['functional'])).toThrow(
      'cases[1].kind: is security, which the suite does not measure',
    );
  });

  it('gives all mistakes at once', () => {
    expect(errorOf({ title: 3, cwes: ['89'] }).message).toMatch(/title: .*; cwes\[0\]: /);
  });

  it('refuses broken YAML, duplicate keys, alias bombs and files that hold no map', () => {
    expect(errorOf('id: [').message).toContain('problem.yaml');
    expect(errorOf('id: a\nid: b\n').location?.line).toBe(2);
    const levels = Array.from({ length: 9 }, (_, index) => {
      const items = index === 0 ? ['x'] : Array(9).fill(`*a${index - 1}`);
      return `a${index}: &a${index} [${items.join(', ')}]`;
    });
    expect(errorOf(levels.join('\n')).message).toContain('alias');
    expect(errorOf('').message).toContain('the file');
    expect(errorOf('- a\n').message).toContain('the file');
  });

  it('either reads a text or throws a SecpiError', () => {
    const key = fc.oneof(fc.constantFrom(...Object.keys(good)), fc.string());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.dictionary(key, fc.jsonValue()).map((more) => stringify({ ...good, ...more })),
        ),
        (text) => {
          try {
            parseProblemFile('problem.yaml', text);
          } catch (error) {
            expect(error).toBeInstanceOf(SecpiError);
          }
        },
      ),
    );
  });
});
