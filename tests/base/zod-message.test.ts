import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { dataProblem } from '../../src/base/zod-message.js';

const schema = z.strictObject({ rows: z.array(z.strictObject({ id: z.number('no number') })).min(1, 'no rows') });

describe('dataProblem', () => {
  it.each([
    ['the field', { rows: [{ id: 1 }, { id: 'two' }] }, '"rows.1.id": no number'],
    ['the first of several findings', { rows: [{ id: 'one' }, { id: 'two' }] }, '"rows.0.id": no number'],
    ['no field where the whole is wrong', 'text', 'Invalid input: expected object, received string'],
  ])('names %s', (_what, value, problem) => {
    expect(dataProblem(schema.safeParse(value).error)).toBe(problem);
  });

  it('has something to say about an error without a finding, and about any other', () => {
    expect(dataProblem(new z.ZodError([]))).toBe('invalid');
    expect(dataProblem(new SyntaxError('Unexpected end of JSON input'))).toBe('Unexpected end of JSON input');
  });
});
