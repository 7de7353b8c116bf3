import { expect, it } from 'vitest';
import { unreachable } from '../../../src/compute/places/place.js';

it('a place that cannot be reached: what is in the way comes first, and that jobs go on there', () => {
  const goesOn = 'What was begun there goes on. Run the same command again once it answers: it goes on with that.';
  const { message, hint } = unreachable('far', 'ssh: Could not resolve hostname far: Name or service not known');
  expect(message).toBe('far cannot be reached: ssh: Could not resolve hostname far: Name or service not known');
  expect(hint).toMatch(/^Correct `ssh\.host` of the target, .* What was begun there goes on\./);
  expect(unreachable('far', 'something new').hint).toBe(goesOn);
  expect(unreachable('far').hint).toBe(goesOn);
});
