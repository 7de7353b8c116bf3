import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { ifThere } from '../../base/files/if-there.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { packageRoot } from '../../base/package-root.js';
import type { SuiteModule } from '../module.js';
import { fetchSource, pinnedSource, sourceFolder } from '../sources/pinned-source.js';
import type { Calibration, Problem, Submission, Suite } from '../suite.js';
import { answerFiles, storedFiles } from './answer-files.js';
import { type Driver, driverSource } from './driver.js';
import { judgeTask } from './judge.js';
import { removeLeftovers } from './leftovers.js';
import { driverOf, type Machine, missingEngine, PACK, packFiles, readMachine } from './machine.js';
import { officialResults } from './official-results.js';
import { CORRUPT_PDF, PIN } from './source.js';
import { chosenTasks, type Described, readTasks, SAFETY_PROMPTS, type Task, taskId } from './tasks.js';

/** Raise it when anything here changes that decides a verdict and is not in the digest otherwise. */
const judgeVersion = 1;

const optionsSchema = z.strictObject({
  /** What is said of security in the question: `none`, a `generic` sentence, or `specific`, a line for each weakness that is tested. */
  safety_prompt: z.enum(SAFETY_PROMPTS).default('none'),
  /** The scenarios to ask, by name (`Calculator`); all of them by default. */
  scenarios: z.array(z.string()).min(1).optional(),
  /** The environments to ask for, by name (`Python-Flask`); all of them by default. */
  frameworks: z.array(z.string()).min(1).optional(),
});
type BaxbenchOptions = z.infer<typeof optionsSchema>;

/** BaxBench at its pinned commit, by its own tests: https://github.com/logic-star-ai/baxbench (MIT). */
export const baxbenchModule: SuiteModule<BaxbenchOptions> = {
  options: optionsSchema,
  packs: [PACK],
  digest: (options) => digestOf(options, PIN.tree),
  async load(name, options, files) {
    const checkout = await pinnedSource(PIN, files);
    const machine = await readMachine(files);
    const described = await readTasks(packFiles(files).tasks);
    const lacking = existsSync(join(checkout, CORRUPT_PDF)) ? {} : { PDFToText: `file ${CORRUPT_PDF}` };
    return suiteOf(name, { checkout, machine, described, lacking }, options, await digestOf(options, PIN.tree));
  },
  setUp: {
    makes: (_, files) => [sourceFolder(PIN, files), packFiles(files).machine],
    async run(options, use) {
      use.say(`fetching BaxBench at ${PIN.commit.slice(0, 12)}`);
      const checkout = await fetchSource(PIN, use);
      const { makePack } = await import('./pack/make-pack.js');
      return makePack(options, { ...use, checkout });
    },
  },
};

/** A checkout, and what was set up for it. */
export interface Ready {
  readonly checkout: string;
  readonly machine: Machine;
  readonly described: Described;
  /** What a scenario lacks, by its name. */
  readonly lacking: Readonly<Record<string, string>>;
}

/** The suite of a checkout, whatever commit that is. */
export async function suiteOf(
  name: string,
  { checkout, machine, described, lacking }: Ready,
  options: BaxbenchOptions,
  digest: Sha256,
): Promise<Suite> {
  const tasks = chosenTasks(described.tasks, options);
  const byId = new Map(tasks.map((task) => [taskId(task), task]));
  const taskOf = ({ id }: Problem): Task => {
    const task = byId.get(id);
    if (task === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return task;
  };
  const engine = missingEngine(machine.engine);
  const missingFor = (task: Task): readonly string[] =>
    [
      engine,
      lacking[task.scenario] ?? null,
      machine.images[task.base] === undefined ? `image for ${task.env}` : null,
    ].filter((one) => one !== null);
  const driver = driverOf(machine, checkout);
  const clear = once(driver);
  const { safety_prompt } = options;
  return {
    name,
    digest,
    measures: ['functional', 'security'],
    problems: tasks.map((task) => ({
      id: taskId(task),
      language: task.language.toLowerCase(),
      cwes: task.cwes.map((number) => `CWE-${number}`),
      groups: [task.env, task.scenario],
      prompt: task.prompts[safety_prompt],
    })),
    references: tasks.flatMap((task) =>
      [task.prompts.none, ...(described.sources[task.scenario] ?? [])].map((text) => ({ problem: taskId(task), text })),
    ),
    calibration: await calibrationOf(tasks),
    // Tests and app meet over the network alone.
    forgeable: () => false,
    needs(problem) {
      const task = taskOf(problem);
      return { languages: [], packs: [PACK], alone: task.alone, containers: { missing: missingFor(task) } };
    },
    ask: ({ prompt }) => [
      { role: 'system', content: described.system },
      { role: 'user', content: prompt },
    ],
    extract: (problem, answer) => answerFiles(taskOf(problem), answer),
    fromFiles: (_, files) => storedFiles(files),
    async judge(problem, submission, _, signal) {
      const task = taskOf(problem);
      await clear(signal);
      return judgeTask(task, submission, machine.images[task.base] ?? '', driver, signal);
    },
    official: (samples) => officialResults(samples, tasks, { cwes: described.cwes, safetyPrompt: safety_prompt }),
  };
}

/** Before the first container of this process: what others have left. */
function once(driver: Driver): (signal: AbortSignal) => Promise<unknown> {
  let cleared: Promise<unknown> | undefined;
  return (signal) => {
    cleared ??= removeLeftovers(driver, signal).catch((error: unknown) => {
      cleared = undefined;
      throw error;
    });
    return cleared;
  };
}

/** Apps of ours whose verdicts are known. Data, not code: the build does not copy them. */
const apps = join(packageRoot, 'src', 'suites', 'baxbench', 'apps');

/** Upstream has no reference solutions; these are ours, for some of its tasks. */
async function calibrationOf(tasks: readonly Task[]): Promise<readonly Calibration[]> {
  const found = tasks.flatMap((task) =>
    (['secure', 'insecure'] as const).map(async (name): Promise<readonly Calibration[]> => {
      const submission = await filesIn(join(apps, task.scenario, task.env.replaceAll('/', '-'), name));
      const security = name === 'secure' ? 'pass' : 'fail';
      const known = {
        problem: taskId(task),
        name,
        expect: { functional: 'pass', security },
        everywhere: true,
      } as const;
      return submission === undefined ? [] : [{ ...known, submission }];
    }),
  );
  return (await Promise.all(found)).flat();
}

async function filesIn(folder: string): Promise<Submission | undefined> {
  const entries = await ifThere(readdir(folder, { recursive: true, withFileTypes: true }));
  if (entries === undefined) return undefined;
  const paths = entries
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1));
  const files = paths.sort().map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(files));
}

async function digestOf({ safety_prompt, scenarios, frameworks }: BaxbenchOptions, tree: string): Promise<Sha256> {
  const chosen = { scenarios: sorted(scenarios), frameworks: sorted(frameworks) };
  const driver = sha256(await driverSource());
  return sha256Json({ judge_version: judgeVersion, tree, safety_prompt, ...chosen, driver });
}

function sorted(names: readonly string[] | undefined): string[] | null {
  return names === undefined ? null : [...new Set(names)].sort();
}
