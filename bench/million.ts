/**
 * The whole path of data with many small tasks: collect without near-duplicates, filter, trace, curate, each by `secpi run` in a process of its own, whose
 * processor time and greatest memory are told. All answers of the models stand in the answer store before a stage asks, so that the network is
 * left out and nothing else is: a row is rendered, hashed, found, read, parsed, judged and written. Then the same run again, with nothing to do, and
 * the filter made anew of what is kept. Last, how both grow from the first number of rows to the others.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { packageRoot } from '../src/base/package-root.js';
import { taskSchema } from '../src/datasets/task.js';
import { artifactReader } from '../src/engine/artifacts/artifact.js';
import { listManifests } from '../src/engine/artifacts/artifact-store.js';
import { stateDirectory } from '../src/engine/state-directory.js';
import { AnswerStore } from '../src/models/answers/answer-store.js';
import { answersFolder, folderName } from '../src/models/answers/model-folder.js';
import { requestHash } from '../src/models/answers/request-hash.js';
import type { ChatAnswer } from '../src/models/chat.js';
import { loadCatalogue } from '../src/security/catalogue.js';
import { classifyRequest, filterParams } from '../src/stages/filter/filter.js';
import { type RelevantTask, relevantTaskSchema } from '../src/stages/filter/records.js';
import { traceParams, traceRequest } from '../src/stages/trace/trace.js';
import { inParallel, piece, repositoryText, verdict } from './made-up/answers.js';
import { writeTasks } from './made-up/tasks.js';
import { line, rounded } from './measure.js';

const CLASSIFIER = 'bench/classifier';
const TEACHER = 'bench/teacher';
/** Nobody listens there: a question without an answer in the store ends the run. */
const endpoint = 'http://127.0.0.1:9/v1';

const recipe = {
  name: 'million',
  seed: 1,
  models: {
    classifier: { model: CLASSIFIER, endpoint },
    teacher: { model: TEACHER, endpoint },
    target: { model: 'bench/target', revision: '0'.repeat(40) },
  },
  collect: { sources: [{ file: 'tasks.jsonl', prompt: 'prompt', licence: 'mit' }], decontaminate: ['mini'] },
  // A recipe has these two; nothing here gets so far.
  train: { steps: 1 },
  evaluate: { suites: { mini: { samples: 1 } } },
};

/** What a process took. */
interface Usage {
  readonly seconds: number;
  /** Seconds of a core, of all its threads. */
  readonly cpu: number;
  /** MiB. */
  readonly peak: number;
}

/** Of that process alone, at its end, on a descriptor that nothing else writes to. */
const TELL_USAGE = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  process.on('exit', () => writeSync(3, JSON.stringify(process.resourceUsage())));
`)}`;

async function secpi(home: string, ...args: readonly string[]): Promise<Usage> {
  const argv = ['--import', TELL_USAGE, join(packageRoot, 'bin', 'secpi.js'), 'run', 'recipe.yaml', '--quiet', ...args];
  const started = performance.now();
  const child = spawn(process.execPath, argv, { cwd: home, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const told = textOf(child.stdio[3] as NodeJS.ReadableStream);
  const code = await new Promise((done) => child.on('close', done));
  if (code !== 0) throw new Error(`secpi run ${args.join(' ')} ended with ${String(code)}`);
  const usage = JSON.parse(await told) as NodeJS.ResourceUsage;
  return {
    seconds: (performance.now() - started) / 1000,
    cpu: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    // Linux counts in KiB.
    peak: usage.maxRSS / 1024,
  };
}

/** Puts an answer to each question about the rows that a stage has made into the store. */
const answers: Readonly<Record<string, (state: string) => Promise<void>>> = {
  async classifier(root) {
    const [catalogue, params, text] = [loadCatalogue(), filterParams.parse({}), await repositoryText()];
    await using store = await AnswerStore.open(join(answersFolder(root), folderName(CLASSIFIER)), CLASSIFIER);
    await inParallel((await made(root, 'collect')).rows('tasks.jsonl', taskSchema), async (task, n) => {
      const request = requestHash(CLASSIFIER, classifyRequest(task, catalogue, params));
      await store.put({ request, attempt: 0 }, verdict(text, n, request), 0.001);
    });
  },
  async teacher(root) {
    const [catalogue, params, text] = [loadCatalogue(), traceParams.parse({}), await repositoryText()];
    await using store = await AnswerStore.open(join(answersFolder(root), folderName(TEACHER)), TEACHER);
    await inParallel((await made(root, 'filter')).rows('kept.jsonl', relevantTaskSchema), async (task, n) => {
      const request = requestHash(TEACHER, traceRequest(task, 0, catalogue, params));
      await store.put({ request, attempt: 0 }, trace(text, n, task, request), 0.01);
    });
  },
};

/** A short trace that the filters let through. */
function trace(text: string, n: number, { language }: RelevantTask, request: ChatAnswer['request']): ChatAnswer {
  const words = piece(text, n * 104_729, 1200).replace(/[^\w\s.,]/g, ' ');
  const reasoning = `Let me think about what comes in here. ${words}\nSo the value is bound, and never becomes part of the query.`;
  const code = `def answer_${n}(connection, name):\n    return connection.execute("SELECT * FROM users WHERE name = ?", (name,))`;
  const content = `It asks with a placeholder.\n\n\`\`\`${language === 'unknown' ? 'text' : language}\n${code}\n\`\`\`\n`;
  return { request, reasoning, content, finish: 'stop', tokens: { input: 900, output: 500 } };
}

async function made(root: string, stage: string) {
  const state = stateDirectory(root);
  const [manifest] = await listManifests(state, stage);
  if (manifest === undefined) throw new Error(`${stage} has made nothing`);
  return artifactReader(state.object(manifest.object), manifest);
}

async function countOf(root: string, stage: string, what: string): Promise<number> {
  return (await made(root, stage)).manifest.counts[what] ?? 0;
}

type Figures = Map<string, Usage & { readonly rows: number }>;

async function measure(rows: number, parent: string): Promise<Figures> {
  const home = await mkdtemp(join(resolve(parent), '.bench-million-'));
  const root = join(home, '.secpi');
  const figures: Figures = new Map();
  const show = (name: string, of: number, usage: Usage): void => {
    figures.set(name, { ...usage, rows: of });
    const each = rounded((1e6 * usage.cpu) / of);
    line(
      `${name} (${of} rows)`,
      `${rounded(usage.cpu)} s of CPU`,
      `${each} µs a row, at most ${rounded(usage.peak)} MiB, ${rounded(usage.seconds)} s`,
    );
  };
  const answer = (who: string): void => {
    execFileSync(process.execPath, [...process.execArgv, import.meta.filename, '--answers', who, root]);
  };
  try {
    await writeTasks(join(home, 'tasks.jsonl'), rows);
    await writeFile(join(home, 'recipe.yaml'), JSON.stringify(recipe, undefined, 2));
    const { size } = await stat(join(home, 'tasks.jsonl'));
    process.stdout.write(`${rows} tasks, ${rounded(size / 1e6)} MB\n`);
    show('collect', rows, await secpi(home, '--until', 'collect'));
    answer('classifier');
    const tasks = await countOf(root, 'collect', 'tasks');
    show('filter', tasks, await secpi(home, '--until', 'filter'));
    answer('teacher');
    const relevant = await countOf(root, 'filter', 'kept');
    show('trace', relevant, await secpi(home, '--until', 'trace'));
    show('curate', relevant, await secpi(home, '--until', 'curate'));
    line('  samples', String(await countOf(root, 'curate', 'samples')), `of ${relevant} traces`);
    show('again, with nothing to do', rows, await secpi(home, '--until', 'curate'));
    show('filter again, all answers kept', tasks, await secpi(home, '--only', 'filter', '--force', 'filter'));
    return figures;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--answers') await answers[process.argv[3] ?? '']?.(process.argv[4] ?? '');
else {
  const [folder = '.', ...given] = process.argv.slice(2);
  const [first = 100_000, ...others] = given.length > 0 ? given.map(Number) : [100_000, 1_000_000];
  const small = await measure(first, folder);
  for (const rows of others) {
    const large = await measure(rows, folder);
    process.stdout.write(`CPU a row and memory with ${rows} rows, as times those with ${first}\n`);
    for (const [name, { cpu, peak, rows: of }] of large) {
      const before = small.get(name);
      if (before === undefined) continue;
      const ratio = cpu / of / (before.cpu / before.rows);
      line(`  ${name}`, rounded(ratio), `memory ${rounded(peak / before.peak)}`);
    }
  }
}
