import { describe, expect, it } from 'vitest';
import { messageOf, SecpiError } from '../../src/base/errors.js';

describe('SecpiError', () => {
  it('carries what a person and a program need to know', () => {
    const cause = new Error('why');
    const location = { file: 'recipe.yaml', line: 3, column: 5 };
    const error = new SecpiError('demo/gate', 'The gate said no.', {
      hint: 'Train longer.',
      location,
      cause,
      exitCode: 3,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'SecpiError', code: 'demo/gate', message: 'The gate said no.' });
    expect(error).toMatchObject({ hint: 'Train longer.', location, exitCode: 3 });
    expect(error.cause).toBe(cause);
  });

  it('makes nothing up: no hint, no place and no cause that nobody gave', () => {
    const error = new SecpiError('demo/failed', 'It failed.');
    expect(error).toMatchObject({ hint: undefined, location: undefined, exitCode: 1 });
    // Whoever prints it would print an empty cause as well.
    expect('cause' in error).toBe(false);
  });
});

describe('messageOf', () => {
  it.each([
    [new TypeError('no function'), 'no function'],
    [new SecpiError('demo/failed', 'It failed.', { hint: 'Try again.' }), 'It failed.'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [{ message: 'no error' }, '[object Object]'],
  ])('of %s is %j', (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });
});
