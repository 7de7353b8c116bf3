import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/support/longest-first.js';
import { UnhandledErrors } from './tests/support/unhandled-errors.js';

/** Where `scripts/test.mjs` wants to read what came of the tests. */
const report = process.env.SECPI_TEST_REPORT;

/** What starts machines of its own: sshd, a Slurm cluster, containers. */
const ofOtherMachines = [
  'tests/cli/commands/target.test.ts',
  'tests/cli/runs/jobs-elsewhere.test.ts',
  'tests/compute/jobs/leave.test.ts',
  'tests/compute/places/slurm.test.ts',
  'tests/compute/places/ssh-files.test.ts',
  'tests/compute/places/ssh.test.ts',
  'tests/export/slurm-array.test.ts',
  'tests/export/slurm.test.ts',
  'tests/models/serving/in-a-queue.test.ts',
  'tests/models/serving/over-ssh.test.ts',
  'tests/places/**/*.test.ts',
  'tests/scoring/over-ssh.test.ts',
];

const fast = {
  // Loading zod and the rest anew for each of 160 files took a fifth of the time. A file leaves nothing behind in a module.
  isolate: false,
  globalSetup: 'tests/support/current-build.ts',
  include: ['tests/**/*.test.ts'],
  exclude: ['tests/e2e/**', 'tests/faults/**', ...ofOtherMachines],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/**
 * What a newer Node changes nothing of: that much text is refused in time, what Python does in our trainers, servers and analysers, what shells do with our scripts, what answers do in the sandbox (that it is started, fed and heard stays in),
 * and what is only worked out: plans, pages, and which texts are kept.
 */
const notOfNode = [
  'tests/recipe/limits.test.ts',
  'tests/recipe/fuzz.test.ts',
  'tests/export/job-script.test.ts',
  'tests/compute/trainer-target.test.ts',
  'tests/stages/train/train.test.ts',
  'tests/models/serving/model-server.test.ts',
  'tests/cli/serving.test.ts',
  'tests/cli/served-run.test.ts',
  'tests/sandbox/languages.test.ts',
  'tests/sandbox/self-test.test.ts',
  'tests/stages/evaluate/evaluate.test.ts',
  'tests/suites/files/files-suite.test.ts',
  'tests/suites/cases/run-cases.test.ts',
  'tests/suites/cweval/judge.test.ts',
  'tests/suites/evalplus/judge.test.ts',
  'tests/suites/livecodebench/judge.test.ts',
  'tests/suites/baxbench/judge.test.ts',
  'tests/cli/commands/suites.test.ts',
  'tests/cli/commands/score.test.ts',
  'tests/cli/commands/doctor.test.ts',
  'tests/cli/commands/plan-training.test.ts',
  'tests/cli/commands/probe.test.ts',
  'tests/cli/browse/in-chromium.test.ts',
  'tests/recipes/recipe-plans.test.ts',
  'tests/stages/curate/curate.test.ts',
  'tests/stages/curate/benchmark-gate.test.ts',
  'tests/stages/curate/judge.test.ts',
  'tests/stages/curate/analysers/analysers.test.ts',
  'tests/stages/report/render.test.ts',
];

export default defineConfig({
  test: {
    // Many tests wait for a process they started, so three at once pay off even on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
    reporters:
      report === undefined
        ? ['default']
        : ['default', ['json', { outputFile: `${report}.json` }], new UnhandledErrors(`${report}.unhandled.json`)],
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
          name: 'places',
          globalSetup: 'tests/support/current-build.ts',
          include: ofOtherMachines,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          // What trains a model of this size keeps one core busy, so its files run side by side.
          name: 'end-to-end',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
