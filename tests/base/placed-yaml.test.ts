import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { PlacedYaml, YamlProblem } from '../../src/base/placed-yaml.js';

function problemOf(work: () => unknown): YamlProblem {
  try {
    work();
  } catch (error) {
    if (error instanceof YamlProblem) return error;
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

const schema = z.object({ rows: z.array(z.object({ id: z.string(), size: z.int() })) });

describe('PlacedYaml', () => {
  it('points at a wrong value, and at what lacks one', () => {
    const wrong = problemOf(() => new PlacedYaml('rows:\n  - id: a\n    size: b\n  - id: 7\n', 0).read(schema));
    expect(wrong.place).toEqual({ line: 3, column: 11 });
    expect(wrong.mistakes.map(({ keys }) => keys)).toEqual([
      ['rows', 0, 'size'],
      ['rows', 1, 'id'],
      ['rows', 1, 'size'],
    ]);
    const lacking = problemOf(() => new PlacedYaml('rows:\n  - id: a\n    size: 1\n  - id: b\n', 0).read(schema));
    expect(lacking.place).toEqual({ line: 4, column: 5 });
    expect(problemOf(() => new PlacedYaml('# nothing\n\nother: 1\n', 0).read(schema)).place).toEqual({
      line: 3,
      column: 1,
    });
    expect(problemOf(() => new PlacedYaml('', 0).read(schema)).place).toEqual({ line: 1, column: 1 });
  });

  it('points at what is no YAML, and makes no more of an alias than it may', () => {
    expect(problemOf(() => new PlacedYaml('a: 1\nb: [\n', 0)).place).toEqual({ line: 3, column: 1 });
    expect(problemOf(() => new PlacedYaml('a: 1\na: 2\n', 0)).place).toEqual({ line: 2, column: 1 });
    expect(problemOf(() => new PlacedYaml('a: &x [1]\nb: *x\n', 0)).place).toBeUndefined();
    expect(new PlacedYaml('a: &x [1]\nb: *x\n', 100).value).toEqual({ a: [1], b: [1] });
  });
});
