import { expect, it, vi } from 'vitest';

/** Each as secpi in a container of its own has it. */
const anotherSecpi = async () => {
  vi.resetModules();
  return await import('../../../src/sandbox/runs/user-ids.js');
};

it('takes no user id that is in use, and none that somebody in another container is likely to take', async () => {
  const taken: number[] = [];
  for (let container = 0; container < 2; container += 1) {
    const { takeUserId } = await anotherSecpi();
    for (let run = 0; run < 20; run += 1) taken.push(takeUserId());
  }
  expect(new Set(taken.slice(0, 20)).size).toBe(20);
  // Where a container has few ids, one in ten of such pairs has one in common; never all, as with ids that are counted up.
  expect(new Set(taken).size).toBeGreaterThan(30);
  for (const id of taken) expect(id).toBeGreaterThan(60_000);
});
