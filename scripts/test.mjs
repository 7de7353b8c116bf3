// `npm test`: sets everything up, then runs every check and every test, the quickstart itself at the end. Each runner leaves one
// summary line; the last line is the sum. `npm test -- --only=vitest` runs a part.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { bootstrap, root, run, secpi } from './bootstrap.mjs';
import { tally } from './tally.mjs';
import { installTestServices } from './test-services.mjs';
import { vitestOutcome } from './vitest-outcome.mjs';

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
const results = mkdtempSync(join(tmpdir(), 'secpi-test-'));

await bootstrap({ development: true });
installTestServices();
const pythonFor = (...which) =>
  spawnSync(process.execPath, [secpi, 'setup', '--print-python', ...which], { encoding: 'utf8' }).stdout.trim();
const python = pythonFor();
const tool = (name) => join(root, 'node_modules', '.bin', name);
const trainers = { cwd: join(root, 'trainers') };
const pythonFolders = ['.', '../agent', '../bench', '../src/suites'];
const trainerEnvironment = {
  ...process.env,
  OMP_WAIT_POLICY: 'PASSIVE',
  OMP_NUM_THREADS: '2',
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  // Whose TRL the losses of Axolotl are compared with.
  SECPI_TRAINERS_PYTHON: python,
};

const runners = [
  check('format-and-lint', tool('biome'), ['ci', '--error-on-warnings', '.']),
  check('types', tool('tsc'), ['-p', 'tsconfig.json']),
  check('unused-code', tool('knip'), []),
  check('python-lint', python, ['-m', 'ruff', 'check', ...pythonFolders], trainers),
  check('python-format', python, ['-m', 'ruff', 'format', '--check', ...pythonFolders], trainers),
  check('python-types', python, ['-m', 'mypy'], trainers),
  vitest('vitest', 'fast'),
  pytest('pytest', python, 'tests'),
  vitest('faults', 'faults'),
  pytest('pytest-agent', python, '../agent/tests'),
  pytest('pytest-axolotl', pythonFor('--axolotl'), 'tests/axolotl'),
  vitest('vitest-node-24', 'newer-node', newerNode),
  vitest('places', 'places'),
  vitest('end-to-end', 'end-to-end'),
];

/**
 * One group after the other; in a group all lists at once, each one after the other. Python's tests keep one core busy, the agent's mostly wait. Whatever
 * starts machines of its own comes when nothing is beside it: places and end-to-end tests at once took as long as one after the other.
 */
const groups = [
  [
    ['format-and-lint', 'types', 'unused-code'],
    ['python-lint', 'python-format', 'python-types'],
  ],
  [['vitest', 'faults', 'vitest-node-24'], ['pytest'], ['pytest-agent', 'pytest-axolotl']],
  [['places', 'end-to-end']],
];

/** A tool that either finds something or not: one test. */
function check(name, command, args, options = {}) {
  const ends = (stdio) => run(command, args, { ...options, stdio });
  return { name, run: async (stdio) => tally((await ends(stdio)) === 0 ? { passed: 1 } : { failed: 1 }) };
}

/** The tests of one project; with another Node when `findNode` gives one, which then is the `node` of all that they start too. */
function vitest(name, project, findNode = () => process.execPath) {
  const report = join(results, name);
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  return {
    name,
    run: async (stdio) => {
      const node = findNode();
      const path = [dirname(node), process.env.PATH].join(delimiter);
      const env = { ...process.env, PATH: path, SECPI_TEST_REPORT: report };
      const once = async () =>
        vitestOutcome(report, await run(node, [program, 'run', '--project', project], { env, stdio }));
      const outcome = await once();
      if (!outcome.isOfVitest) return outcome.counts;
      process.stdout.write(`${name}: ${outcome.counts.names.join('\n')}\n${name}: that is Vitest itself; run again\n`);
      return (await once()).counts;
    },
  };
}

/** Throws when it cannot be had: tests that did not run count as failed. */
function newerNode() {
  const script = ['--import', 'tsx', join(root, 'scripts', 'newer-node.ts')];
  const { status, stdout } = spawnSync(process.execPath, script, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error('NOT RUN: the fast tests with a newer Node, because there is none (see above)');
  return stdout.trim();
}

function pytest(name, python, ...what) {
  const report = join(results, `${name}.xml`);
  return {
    name,
    run: async (stdio) => {
      const code = await run(python, ['-m', 'pytest', '-q', `--junitxml=${report}`, ...what], {
        ...trainers,
        env: trainerEnvironment,
        stdio,
      });
      const xml = readFileSync(report, 'utf8');
      const suite = /<testsuite [^>]*>/.exec(xml)?.[0] ?? '';
      const number = (key) => Number(new RegExp(` ${key}="(\\d+)"`).exec(suite)?.[1] ?? 0);
      const failed = number('failures') + number('errors');
      const passed = number('tests') - failed - number('skipped');
      const cases = xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:failure|error)/g);
      const names = [...cases].map(([, file, test]) => `${file}: ${test}`);
      return tally({ passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped: number('skipped'), names });
    },
  };
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Runs one, with its output going to `stdio`, and says what came of it. */
async function outcomeOf({ name, run: runIt }, stdio) {
  const started = performance.now();
  let counts;
  try {
    counts = await runIt(stdio);
  } catch (error) {
    process.stderr.write(`${name}: ${error.message}\n`);
    counts = tally({ failed: 1 });
  }
  return { name, counts, seconds: (performance.now() - started) / 1000 };
}

/** Runs one whose output is shown once it is over, because another one has the terminal. */
async function outcomeApart(runner) {
  const log = join(results, `${runner.name}.log`);
  const descriptor = openSync(log, 'w');
  const outcome = await outcomeOf(runner, ['ignore', descriptor, descriptor]);
  closeSync(descriptor);
  return { ...outcome, shown: () => process.stdout.write(`\n== ${runner.name}\n${readFileSync(log, 'utf8')}`) };
}

async function outcomeShown(runner) {
  process.stdout.write(`\n== ${runner.name}\n`);
  return { ...(await outcomeOf(runner, 'inherit')), shown: () => {} };
}

async function allOf(list, outcome) {
  const outcomes = [];
  for (const name of list) outcomes.push(await outcome(runners.find((runner) => runner.name === name)));
  return outcomes;
}

const names = runners.map(({ name }) => name);
// One that no group names would be left out without a word.
if (String(names.toSorted()) !== String(groups.flat(2).toSorted())) throw new Error('groups and runners do not match');
if (only !== undefined && !names.includes(only)) {
  process.stderr.write(`There is no part ${only}. Parts: ${names.join(', ')}\n`);
  process.exit(2);
}

const summary = [];
for (const [first, ...others] of only === undefined ? groups : [[[only]]]) {
  const apart = others.map((list) => allOf(list, outcomeApart));
  for (const { shown, ...outcome } of [await allOf(first, outcomeShown), ...(await Promise.all(apart))].flat()) {
    shown();
    summary.push(outcome);
  }
}
process.stdout.write('\n');
for (const { name, counts } of summary)
  for (const failed of counts.names) process.stdout.write(`failed in ${name}: ${failed}\n`);
for (const { name, counts, seconds } of summary)
  process.stdout.write(`${name}: ${line(counts)} (${seconds.toFixed(0)} s)\n`);
const total = summary.reduce(
  (sum, { counts }) => ({
    passed: sum.passed + counts.passed,
    failed: sum.failed + counts.failed,
    skipped: sum.skipped + counts.skipped,
  }),
  tally({}),
);
process.stdout.write(`${line(total)}\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
