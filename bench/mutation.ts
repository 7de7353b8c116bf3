/**
 * How many small changes of the code the tests notice: `npx tsx bench/mutation.ts [ROOM…]` lets Stryker make every mutant that it knows
 * of in `base`, `engine` and `recipe`. Each inner room is held against the tests that mirror it, and against no others. Takes
 * most of an hour on two cores, and should have them for itself: a mutant whose tests take too long counts as noticed. What comes out
 * stands in `bench/mutation/<room>.md`, with every mutant that survived.
 */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../src/base/package-root.js';
import { mutationPage, type StrykerReport } from './mutation/mutation-page.js';

const STRYKER = '9.6.1';
const ROOMS = ['base', 'engine', 'recipe'];
/** These prove that something is quick, with inputs of megabytes; what else they would notice, others notice too. */
const LEFT_OUT = ['tests/recipe/limits.test.ts', 'tests/recipe/fuzz.test.ts'];

const asked = process.argv.slice(2);
const unknown = asked.find((room) => !ROOMS.includes(room));
if (unknown !== undefined) throw new Error(`${unknown} is none of ${ROOMS.join(', ')}`);

const folder = await mkdtemp(join(tmpdir(), 'secpi-bench-mutation-'));
const report = join(folder, 'report.json');
try {
  // A copy: Stryker brings packages of its own, and mutants must never come near the sources.
  const copy = join(folder, 'secpi');
  await execa('git', ['checkout-index', '--all', `--prefix=${copy}/`], { cwd: packageRoot });
  await execa('cp', ['-a', '--reflink=auto', join(packageRoot, 'node_modules'), copy]);
  const packages = [`@stryker-mutator/core@${STRYKER}`, `@stryker-mutator/vitest-runner@${STRYKER}`];
  await execa('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], {
    cwd: copy,
  });
  // Where tests look for the build and for git.
  await symlink(join(packageRoot, '.git'), join(copy, '.git'));

  for (const room of asked.length > 0 ? asked : ROOMS) {
    const files: Record<string, StrykerReport['files'][string]> = {};
    for (const part of await partsOf(room)) {
      await writeFile(join(copy, 'vitest.mutation.config.ts'), vitestConfig(part));
      await writeFile(join(copy, 'stryker.json'), JSON.stringify(strykerConfig(part)));
      await execa('npx', ['stryker', 'run', 'stryker.json'], { cwd: copy, stdio: 'inherit' });
      Object.assign(files, (JSON.parse(await readFile(report, 'utf8')) as StrykerReport).files);
    }
    const page = mutationPage(room, { files });
    await writeFile(join(packageRoot, 'bench', 'mutation', `${room}.md`), page.text);
    process.stdout.write(`${room}: ${page.summary}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** What is changed together, and the tests that are to notice. */
interface Part {
  readonly mutate: string;
  readonly tests: string;
}

/** The files of a room that lie in no inner room, then each inner room. */
async function partsOf(room: string): Promise<readonly Part[]> {
  const entries = await readdir(join(packageRoot, 'src', room), { withFileTypes: true });
  const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return [
    { mutate: `src/${room}/*.ts`, tests: `tests/${room}/*.test.ts` },
    ...inner.map((name) => ({ mutate: `src/${room}/${name}/**/*.ts`, tests: `tests/${room}/${name}/**/*.test.ts` })),
  ];
}

function vitestConfig({ tests }: Part): string {
  const test = { include: [tests], exclude: LEFT_OUT, testTimeout: 60_000, hookTimeout: 60_000 };
  return `export default ${JSON.stringify({ test })};\n`;
}

function strykerConfig({ mutate }: Part): object {
  return {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    coverageAnalysis: 'perTest',
    mutate: [mutate],
    // Words for people: that each sentence stands as it does is nothing to hold, what they say is tested where they are shown.
    mutator: { excludedMutations: ['StringLiteral'] },
    // What runs once when a file is loaded would need all of it to be loaded anew for each mutant.
    ignoreStatic: true,
    // The tests wait for disks and processes too.
    concurrency: availableParallelism() + 1,
    timeoutMS: 10_000,
    timeoutFactor: 3,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    tempDirName: join(folder, 'sandboxes'),
    // Stryker reads it with an interface that TypeScript 7 does not have.
    tsconfigFile: 'none.json',
  };
}
