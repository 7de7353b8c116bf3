import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { traitsOf, withTraits } from '../../../src/base/schema/field-traits.js';
import { operational } from '../../../src/engine/operational.js';
import { fromEnvironment, inputPath, outputPath } from '../../../src/recipe/field.js';

describe('a field trait', () => {
  it('does not reach the other places where the same schema stands', () => {
    const address = z.string();
    for (const marked of [
      operational(address),
      fromEnvironment(address, 'none'),
      withTraits(address, { path: 'input' }),
    ]) {
      expect(traitsOf(marked)).not.toEqual({});
      expect(traitsOf(address)).toEqual({});
    }
  });

  it('stays on what is made of the marked schema', () => {
    const marked = fromEnvironment(z.string(), 'none');
    expect(traitsOf(marked.min(3).describe('an address'))).toEqual({ environment: { standIn: 'none' } });
    expect(traitsOf(inputPath().endsWith('.jsonl'))).toEqual({ path: 'input' });
    expect(traitsOf(outputPath().refine(() => true))).toEqual({ path: 'output' });
  });

  it('joins those that are there', () => {
    expect(traitsOf(operational(inputPath()))).toEqual({ operational: true, path: 'input' });
    expect(traitsOf(fromEnvironment(operational(z.string()), 'none'))).toEqual({
      operational: true,
      environment: { standIn: 'none' },
    });
  });
});
