/**
 * The answer store with a million answers: what they take on the disk, how long the store takes to open and how much memory, and what
 * a row costs whose answer is kept, all the way through a model's `ask` with the classifier's real prompt. Beside it a store as
 * older versions wrote it (plain JSON Lines), and what is made of that by compacting; and traces of 40 kB, in the store and in the artifact of `trace`, beside
 * what `gzip` makes of all of them at once. Each step is a process of its own,
 * so that it starts with nothing in memory. The texts are pieces of this repository, so that they pack as text does.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createGzip } from 'node:zlib';
import { openOutputDirectory } from '../src/engine/artifacts/output-directory.js';
import { answerRow } from '../src/models/answers/answer-row.js';
import { AnswerStore } from '../src/models/answers/answer-store.js';
import { answersFolder, folderName } from '../src/models/answers/model-folder.js';
import { requestHash } from '../src/models/answers/request-hash.js';
import { checkAnswers } from '../src/models/answers/upkeep/check-answers.js';
import { compactAnswers } from '../src/models/answers/upkeep/compact-answers.js';
import type { ChatRequest } from '../src/models/chat.js';
import { modelSpecSchema } from '../src/models/model-spec.js';
import { openModel } from '../src/models/open-model.js';
import { loadCatalogue } from '../src/security/catalogue.js';
import { parseVerdict } from '../src/security/prompts/verdict.js';
import { classifyRequest, filterParams } from '../src/stages/filter/filter.js';
import { TRACES as TRACES_FILE } from '../src/stages/trace/records.js';
import { AT_ONCE, inParallel, numbers, piece, repositoryText, verdict } from './made-up/answers.js';
import { line, rounded, secondsOf } from './measure.js';

const IDENTITY = 'bench/model';
const TRACES = 4000;
const TRACE_CHARACTERS = 40_000;
const { signal } = new AbortController();

const catalogue = loadCatalogue();
const params = filterParams.parse({});
const languages = ['python', 'javascript', 'go', 'c', 'java'];

function question(text: string, n: number): ChatRequest {
  const language = languages[n % languages.length] ?? 'python';
  return classifyRequest({ prompt: piece(text, n, 300), language }, catalogue, params);
}

const folderIn = (state: string): string => join(answersFolder(state), folderName(IDENTITY));

/** What each process does; what it gives back is shown by the first. */
const steps: Readonly<Record<string, (state: string, count: number) => Promise<Record<string, number>>>> = {
  async buy(state, count) {
    const text = await repositoryText();
    await using store = await AnswerStore.open(folderIn(state), IDENTITY);
    const cpu = process.cpuUsage();
    const seconds = await secondsOf(() =>
      inParallel(numbers(count), async (n) => {
        const request = requestHash(IDENTITY, question(text, n));
        await store.put({ request, attempt: 0 }, verdict(text, n, request), 0.001);
      }),
    );
    return { seconds, cpu: cpuSince(cpu) };
  },
  /** As versions before frames did. */
  async plain(state, count) {
    const text = await repositoryText();
    await mkdir(folderIn(state), { recursive: true });
    const handle = await open(join(folderIn(state), '01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl'), 'ax');
    for (let n = 0; n < count; ) {
      let lines = '';
      for (const end = Math.min(count, n + 1000); n < end; n += 1) {
        const request = requestHash(IDENTITY, question(text, n));
        lines += `${JSON.stringify(answerRow({ request, attempt: 0 }, verdict(text, n, request), 0.001))}\n`;
      }
      await handle.appendFile(lines);
    }
    await handle.close();
    return {};
  },
  async traces(state, count) {
    const text = await repositoryText();
    await using store = await AnswerStore.open(folderIn(state), IDENTITY);
    const cpu = process.cpuUsage();
    const answerOf = (n: number) => {
      const request = requestHash(IDENTITY, question(text, n));
      return { ...verdict(text, n, request), reasoning: piece(text, n * 104_729, TRACE_CHARACTERS) };
    };
    const seconds = await secondsOf(() =>
      inParallel(numbers(count), async (n) => {
        const answer = answerOf(n);
        await store.put({ request: answer.request, attempt: 0 }, answer, 0.01);
      }),
    );
    const bought = cpuSince(cpu);
    // As the stage `trace` writes them for those behind it; and what `gzip` makes of the same, all in one.
    const output = openOutputDirectory(join(state, 'artifact'), () => Promise.reject(new Error('nothing to adopt')));
    const rows = await output.rows(TRACES_FILE);
    const gzip = createGzip();
    const gzipped = sizeOf(gzip);
    let plain = 0;
    const written = process.cpuUsage();
    for (let n = 0; n < count; n += 1) await rows.write(answerOf(n));
    await output.close();
    const packing = cpuSince(written);
    for (let n = 0; n < count; n += 1) {
      const line = `${JSON.stringify(answerOf(n))}\n`;
      plain += Buffer.byteLength(line);
      if (!gzip.write(line)) await once(gzip, 'drain');
    }
    gzip.end();
    const artifact = (await stat(output.path(TRACES_FILE))).size;
    return { seconds, cpu: bought, plain, artifact, packing, gzipped: await gzipped };
  },
  async open(state, count) {
    const before = process.memoryUsage.rss();
    const cpu = process.cpuUsage();
    let store: AnswerStore | undefined;
    const seconds = await secondsOf(async () => {
      store = await AnswerStore.open(folderIn(state), IDENTITY);
    });
    const used = cpuSince(cpu);
    const rss = process.memoryUsage.rss();
    if (store?.size !== count) throw new Error(`${store?.size} answers instead of ${count}`);
    await store[Symbol.asyncDispose]();
    return { seconds, cpu: used, rss, grown: rss - before, peak: process.resourceUsage().maxRSS * 1024 };
  },
  async kept(state, count) {
    const text = await repositoryText();
    const spec = modelSpecSchema.parse({ model: IDENTITY, endpoint: 'http://127.0.0.1:9/v1' });
    const env = () => undefined;
    await using model = await openModel({ name: 'bench', spec, stateDir: state, env, redact: (words) => words });
    const cpu = process.cpuUsage();
    let usable = 0;
    const seconds = await secondsOf(async () => {
      const outcomes = model.ask({
        rows: numbers(count),
        request: (n) => question(text, n),
        parse: ({ content }) => parseVerdict(content, catalogue),
        signal,
      });
      for await (const { outcome } of outcomes) if (outcome.ok) usable += 1;
    });
    if (usable !== count) throw new Error(`${usable} answers of ${count}`);
    return { seconds, cpu: cpuSince(cpu), peak: process.resourceUsage().maxRSS * 1024 };
  },
  /** The part of `kept` that is the questions' own: rendering the prompt and hashing. */
  async questions(_state, count) {
    const text = await repositoryText();
    const rendered = await secondsOf(async () => {
      for (let n = 0; n < count; n += 1) question(text, n);
    });
    const seconds = await secondsOf(async () => {
      for (let n = 0; n < count; n += 1) requestHash(IDENTITY, question(text, n));
    });
    return { rendered, hashed: seconds - rendered };
  },
  async compact(state) {
    const model = { name: 'bench', path: folderIn(state), identity: IDENTITY };
    return {
      seconds: await secondsOf(() => compactAnswers(model, signal)),
      peak: process.resourceUsage().maxRSS * 1024,
    };
  },
  async check(state) {
    const model = { name: 'bench', path: folderIn(state), identity: IDENTITY };
    let damaged = 0;
    const seconds = await secondsOf(async () => {
      damaged = (await checkAnswers(model, signal)).damaged;
    });
    return { seconds, damaged, peak: process.resourceUsage().maxRSS * 1024 };
  },
};

async function sizeOf(stream: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const piece of stream) bytes += piece.length;
  return bytes;
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function inProcess(step: string, state: string, count: number): Promise<Record<string, number>> {
  const child = fork(import.meta.filename, ['--step', step, state, String(count)], { execArgv: process.execArgv });
  return new Promise((done, fail) => {
    let result: Record<string, number> = {};
    child.on('message', (message) => {
      result = message as Record<string, number>;
    });
    child.on('exit', (code) => (code === 0 ? done(result) : fail(new Error(`${step} ended with ${code}`))));
  });
}

async function bytesIn(state: string): Promise<number> {
  const sizes = (await readdir(folderIn(state))).map(async (name) => (await stat(join(folderIn(state), name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const MB = 1e6;
const show = (name: string, figure: string, note = ''): void => line(name, figure, note);

async function measure(root: string, count: number): Promise<void> {
  const folder = await mkdtemp(join(resolve(root), '.bench-answers-'));
  const each = (seconds: number): string => `${rounded((seconds / count) * 1e6)} µs each`;
  const opened = async (what: string, state: string): Promise<void> => {
    const { seconds = 0, cpu = 0, rss = 0, grown = 0, peak = 0 } = await inProcess('open', state, count);
    const note = `${rounded(cpu)} s of a core; memory ${rounded(rss / MB)} MB (${rounded(grown / MB)} of it the store, at most ${rounded(peak / MB)})`;
    show(`${what}: opened`, `${rounded(seconds)} s`, note);
  };
  const kept = async (what: string, state: string): Promise<void> => {
    const { seconds = 0, cpu = 0, peak = 0 } = await inProcess('kept', state, count);
    const note = `${each(seconds)}, ${each(cpu)} of a core; at most ${rounded(peak / MB)} MB`;
    show(`${what}: asked for again`, `${rounded(seconds)} s`, note);
  };
  try {
    process.stdout.write(`${count} verdicts, ${AT_ONCE} at a time, in ${resolve(root)}\n`);
    const packed = join(folder, 'packed');
    const plain = join(folder, 'plain');
    const bought = await inProcess('buy', packed, count);
    await inProcess('plain', plain, count);
    const [small, large] = [await bytesIn(packed), await bytesIn(plain)];
    show(
      'packed: bought',
      `${rounded(bought.seconds ?? 0)} s`,
      `${each(bought.seconds ?? 0)}, ${each(bought.cpu ?? 0)} of a core`,
    );
    show('packed: on the disk', `${rounded(small / MB)} MB`, `${rounded(large / small)} times smaller than plain`);
    await opened('packed', packed);
    await kept('packed', packed);
    const { rendered = 0, hashed = 0 } = await inProcess('questions', packed, count);
    show(
      '  of which: prompts rendered, requests hashed',
      `${rounded(rendered + hashed)} s`,
      `${each(rendered)}, ${each(hashed)}`,
    );
    show('plain (older versions): on the disk', `${rounded(large / MB)} MB`);
    await opened('plain', plain);
    await kept('plain', plain);
    const compacted = await inProcess('compact', plain, count);
    const dense = await bytesIn(plain);
    const note = `${rounded(dense / MB)} MB, ${rounded(large / dense)} times smaller; at most ${rounded((compacted.peak ?? 0) / MB)} MB`;
    show('plain, compacted', `${rounded(compacted.seconds ?? 0)} s`, note);
    await opened('compacted', plain);
    await kept('compacted', plain);
    const checked = await inProcess('check', plain, count);
    show('compacted: checked', `${rounded(checked.seconds ?? 0)} s`, `${checked.damaged} damaged`);

    const state = join(folder, 'traces');
    const traces = await inProcess('traces', state, TRACES);
    const size = await bytesIn(state);
    process.stdout.write(`${TRACES} traces of ${TRACE_CHARACTERS} characters\n`);
    show(
      'traces: bought',
      `${rounded(traces.seconds ?? 0)} s`,
      `${rounded(((traces.cpu ?? 0) / TRACES) * 1000)} ms of a core each`,
    );
    const { plain: characters = 0, artifact = 0, gzipped = 0, packing = 0 } = traces;
    const smaller = (bytes: number): string => `${rounded(characters / bytes)} times smaller than plain`;
    show('traces: in the store', `${rounded(size / MB)} MB`, smaller(size));
    show(
      'traces: in the artifact',
      `${rounded(artifact / MB)} MB`,
      `${smaller(artifact)}; ${rounded((packing / TRACES) * 1000)} ms of a core each`,
    );
    show('traces: one file, by gzip', `${rounded(gzipped / MB)} MB`, smaller(gzipped));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--step') {
  const [, , , step = '', state = '', count = ''] = process.argv;
  const result = await steps[step]?.(state, Number(count));
  if (process.send === undefined) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.send(result ?? {}, () => process.disconnect());
} else {
  await measure(process.argv[2] ?? '.', Number(process.argv[3] ?? 1_000_000));
}
