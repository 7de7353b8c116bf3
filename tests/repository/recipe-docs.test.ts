import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FieldComments } from '../../scripts/field-comments.js';
import { recipePage } from '../../scripts/recipe-docs.js';
import { packageRoot } from '../../src/base/package-root.js';

describe('docs/recipe.md', () => {
  it('is what scripts/recipe-docs.ts writes', () => {
    const page = readFileSync(join(packageRoot, 'docs', 'recipe.md'), 'utf8');
    expect(page, 'write it anew with `npx tsx scripts/recipe-docs.ts`').toBe(recipePage());
  });

  it('tells which fields say only how to run', () => {
    const page = recipePage();
    const row = (field: string) => page.split('\n').find((line) => line.startsWith(`| \`${field}\` |`));
    expect(row('endpoint')).toMatch(/\| no \|/);
    expect(row('file')).toMatch(/\| its content \|/);
    expect(row('min_confidence')).toMatch(/\| yes \|/);
  });
});

describe('comments of fields', () => {
  it('are those of the object whose fields are most alike', () => {
    const comments = new FieldComments([
      `z.strictObject({
        /** The name of a model. */
        name: z.string().regex(/^[a-z]{2}$/, 'two letters, no more'),
        /** Inner one. */
        inner: z.strictObject({ /** Deeper. */ name: z.string() }),
        plain: z.number(),
      })`,
      `base.extend({ /** Another | name. */ name: z.string(), other: z.string() })`,
    ]);
    expect(comments.of(['name', 'inner', 'plain'], 'name')).toBe('The name of a model.');
    expect(comments.of(['name', 'other', 'third'], 'name')).toBe('Another \\| name.');
    expect(comments.of(['name'], 'name')).toBe('Deeper.');
    expect(comments.of(['name', 'inner', 'plain'], 'plain')).toBeUndefined();
    expect(comments.of(['name'], 'absent')).toBeUndefined();
  });
});
