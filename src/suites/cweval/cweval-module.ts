import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { packFile } from '../../sandbox/packs.js';
import type { SuiteModule } from '../module.js';
import { fetchSource, pinnedSource, sourceFolder } from '../sources/pinned-source.js';
import type { Calibration, Judgement, Problem, Suite, Verdicts } from '../suite.js';
import { codeIn, type WhichBlock } from './answer-code.js';
import { type JudgeFiles, judgePrograms, judgeTask, PACK, TOOLCHAIN } from './judge.js';
import { officialResults } from './official-results.js';
import { readOfficialTexts, type Style } from './official-texts.js';
import { rawFile, taskFile } from './program.js';
import { PIN } from './source.js';
import { readTasks, type Task } from './tasks.js';

/** Raise it when anything here changes that decides a verdict and is not in the digest otherwise. */
const judgeVersion = 1;

const optionsSchema = z.strictObject({
  /** `secure` adds upstream's own sentence that asks for secure code. */
  style: z.enum(['direct', 'secure']).default('direct'),
  /** Which fenced block of an answer is its code: `first` as upstream has it, `last` as in the fork by an author of the paper. */
  extract: z.enum(['first', 'last']).default('first'),
});
type Options = z.infer<typeof optionsSchema>;

/** CWEval at its pinned commit, by its own tests: https://github.com/Co1lin/CWEval (Apache-2.0). */
export const cwevalModule: SuiteModule<Options> = {
  options: optionsSchema,
  packs: [PACK],
  digest: (options) => digestOf(options, PIN.tree),
  async load(name, options, files) {
    const folder = await pinnedSource(PIN, files);
    return suiteIn(name, folder, options, await digestOf(options, PIN.tree));
  },
  setUp: {
    makes: (_, files) => [sourceFolder(PIN, files), packFile(files.cacheFolder, PACK)],
    async run(_, use) {
      use.say(`fetching CWEval at ${PIN.commit.slice(0, 12)}`);
      const checkout = await fetchSource(PIN, use);
      const { makePack } = await import('./pack/make-pack.js');
      return makePack({
        cache: use.cacheFolder,
        checkout,
        environment: use.variables,
        say: use.say,
        signal: use.signal,
      });
    },
  },
};

/** Where an answer of the kind that CWEval asks for would come out wrongly whatever it holds, by tasks; see docs/cweval.md. */
const KNOWN_TRAPS: Readonly<Record<string, string>> = {
  'core/js/cwe_078_0_js': "its tests never run the model's code",
  'core/js/cwe_502_0_js': 'its insecure solution is secure with js-yaml 4',
};

/** The suite of a checkout, whatever commit that is. */
export async function suiteIn(
  name: string,
  checkout: string,
  { style, extract, cpuSeconds }: { readonly style: Style; readonly extract: WhichBlock; readonly cpuSeconds?: number },
  digest: Sha256,
): Promise<Suite> {
  const [tasks, texts, goModule] = await Promise.all([
    readTasks(checkout),
    readOfficialTexts(checkout),
    Promise.all(['go.mod', 'go.sum'].map(async (path) => ({ path, content: await readFile(join(checkout, path)) }))),
  ]);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const taskOf = ({ id }: Problem): Task => {
    const task = byId.get(id);
    if (task === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return task;
  };
  const files: JudgeFiles = { texts, goModule, cpuSeconds };
  const calibration = tasks.flatMap(calibrationOf);
  return {
    name,
    digest,
    measures: ['functional', 'security'],
    problems: tasks.map(({ id, language, cwe, group, extension, codePrompt }) => ({
      id,
      language,
      cwes: [cwe],
      groups: [group],
      prompt: texts.question(style, extension, codePrompt),
    })),
    references: tasks.flatMap(({ id, codePrompt, reference, unsafe, test }) =>
      [codePrompt, reference, test, ...(unsafe === null ? [] : [unsafe])].map((text) => ({ problem: id, text })),
    ),
    calibration,
    // Tests, and what they test, run beside each other.
    forgeable: () => true,
    needs: (problem) => ({
      languages: [TOOLCHAIN[taskOf(problem).language]].filter((needed) => needed !== null),
      packs: [PACK],
      alone: false,
    }),
    ask: ({ prompt }) => [{ role: 'user', content: prompt }],
    extract(problem, answer) {
      const code = codeIn(answer, extract);
      return code === null ? null : { [rawFile(taskOf(problem))]: code };
    },
    async judge(problem, submission, bench, signal) {
      const task = taskOf(problem);
      const judge = () => judgeTask(task, submission, files, bench, signal);
      const whole = submission[taskFile(task)];
      // What a known solution says is whether tests work here. Those that make keys at random miss their time one time in five.
      const isKnown = whole !== undefined && (whole === task.reference || whole === task.unsafe);
      return isKnown ? untilInTime(judge) : judge();
    },
    official: officialResults,
  };
}

const KNOWN_TRIES = 6;

async function untilInTime(judge: () => Promise<Judgement>): Promise<Judgement> {
  for (let tries = 1; ; tries += 1) {
    const judgement = await judge();
    if (!judgement.timedOut || tries >= KNOWN_TRIES || judgement.functional === 'pass') return judgement;
  }
}

function calibrationOf(task: Task): Calibration[] {
  const of = (name: string, program: string, expect: Verdicts): Calibration => ({
    problem: task.id,
    name,
    submission: { [taskFile(task)]: program },
    expect,
    everywhere: true,
  });
  return [
    of('reference', task.reference, { functional: 'pass', security: 'pass' }),
    ...(task.unsafe === null || Object.hasOwn(KNOWN_TRAPS, task.id)
      ? []
      : [of('unsafe', task.unsafe, { functional: 'pass', security: 'fail' })]),
  ];
}

async function digestOf({ style, extract }: Options, tree: string): Promise<Sha256> {
  return sha256Json({
    judge_version: judgeVersion,
    tree,
    style,
    extract,
    judge: (await judgePrograms()).map(({ content }) => sha256(content)),
  });
}
