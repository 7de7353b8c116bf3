import { describe, expect, it } from 'vitest';
import { Enough } from '../../../src/models/asking/enough.js';

describe('Enough', () => {
  it('has room for exactly those that are missing while every row is a wanted one', () => {
    const enough = new Enough(20);
    for (let missing = 20; missing > 0; missing -= 1) {
      expect(enough.room).toBe(missing);
      enough.settled(true);
    }
    expect(enough.room).toBe(0);
  });

  it('has room for as many more as it takes by the share so far', () => {
    const enough = new Enough(21);
    for (let row = 0; row < 2000; row += 1) enough.settled(row % 100 === 0);
    // One is missing, and about one of 100 is wanted.
    expect(enough.room).toBeGreaterThan(50);
    expect(enough.room).toBeLessThan(110);
  });
});
