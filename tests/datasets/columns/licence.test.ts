import { describe, expect, it } from 'vitest';
import { isDenied } from '../../../src/datasets/columns/licence.js';

describe('isDenied', () => {
  it.each([
    ['cc-by-nc-4.0', ['cc-by-nc'], true],
    ['cc-by-nc-sa-4.0', ['CC BY-NC'], true],
    ['CC BY-NC 4.0', ['cc-by-nc'], true],
    ['cc-by-4.0', ['cc-by-nc'], false],
    ['lgpl-3.0', ['gpl'], false],
    ['gpl-3.0', ['gpl'], true],
    ['mit', ['mit'], true],
    ['mitre', ['mit'], false],
    ['apache-2.0, gpl-3.0', ['gpl'], true],
    [null, ['none'], true],
    ['unknown', ['none'], true],
    [null, ['mit'], false],
    [null, [], false],
    ['gpl-3.0', [], false],
  ])('%j on %j: %j', (licence, denied, expected) => {
    expect(isDenied(licence, denied)).toBe(expected);
  });
});
