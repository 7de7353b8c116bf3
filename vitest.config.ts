import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const fast = {
  globalSetup: 'tests/support/current-build.ts',
  include: ['tests/**/*.test.ts'],
  exclude: ['tests/e2e/**', 'tests/faults/**'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** What a newer Node changes nothing of: that much text is refused in time, and what Python does in our trainers and servers. */
const notOfNode = [
  'tests/recipe/limits.test.ts',
  'tests/recipe/fuzz.test.ts',
  'tests/compute/local-target.test.ts',
  'tests/stages/train/train.test.ts',
  'tests/models/servers/model-server.test.ts',
];

export default defineConfig({
  test: {
    // Many tests wait for a process they started, so three at once pay off even on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    projects: [
      { test: { name: 'fast', ...fast } },
      { test: { name: 'newer-node', ...fast, exclude: [...fast.exclude, ...notOfNode] } },
      {
        test: {
          name: 'faults',
          include: ['tests/faults/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // What trains a model of this size keeps one core busy, so its two files run side by side.
          name: 'end-to-end',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
