import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { tryLock } from '../../../src/base/locks/lock.js';
import { stateDirectory } from '../../../src/engine/state-directory.js';
import { AnswerStore } from '../../../src/models/answers/answer-store.js';
import { answersFolder, folderName } from '../../../src/models/answers/model-folder.js';
import { jsonLines, runCli } from '../../support/run-cli.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const folder = await temporaryFolder();
const cwd = folder.path;
afterAll(() => folder[Symbol.asyncDispose]());
const store = (...args: readonly string[]) => runCli(['store', ...args], { cwd });

async function buying(identity: string, count: number): Promise<AnswerStore> {
  const answers = await AnswerStore.open(join(answersFolder(join(cwd, '.secpi')), folderName(identity)), identity);
  for (let n = 0; n < count; n += 1) {
    const request = sha256(`${identity} ${n}`);
    const answer = {
      request,
      reasoning: null,
      content: `answer ${n}`,
      finish: 'stop',
      tokens: { input: 1, output: 1 },
    };
    await answers.put({ request, attempt: 0 }, answer as Parameters<AnswerStore['put']>[1], 0.25);
  }
  return answers;
}

async function buy(identity: string, count: number): Promise<void> {
  await using _answers = await buying(identity, count);
}

beforeAll(async () => {
  await buy('Qwen/QwQ-32B@main', 4);
  await buy('Qwen/QwQ-32B@main', 0);
  await buy('small', 2);
});

describe('secpi store', () => {
  it('checks, exports, imports and compacts', async () => {
    const checked = await store('check');
    expect(checked.stdout.replace(/\d+ B/g, 'SIZE').replace(/ +/g, ' ')).toMatchInlineSnapshot(`
      "model answers bought for files size repeated damaged
      Qwen/QwQ-32B@main 4 $1.00 1 SIZE 0 0
      small 2 $0.50 1 SIZE 0 0"
    `);
    expect(checked).toMatchObject({ exitCode: 0, stderr: '' });

    const unclear = await store('export', 'all.jsonl', '--json');
    expect(unclear.exitCode).toBe(2);
    expect(jsonLines(unclear.stdout)).toMatchObject([
      { code: 'store/which-model', hint: 'Name one with --model: Qwen/QwQ-32B@main, small.' },
    ]);
    const exported = await store('export', 'qwq.jsonl.gz', '--model', 'Qwen/QwQ-32B');
    expect(exported.stdout).toMatch(/^qwq\.jsonl\.gz: 4 answers of Qwen\/QwQ-32B@main, \d+ B\n?$/);

    const env = { SECPI_HOME: join(cwd, 'other') };
    const imported = await runCli(['store', 'import', 'qwq.jsonl.gz'], { cwd, env });
    expect(imported.stdout).toBe('Qwen/QwQ-32B@main: 4 answers added, 0 there already');

    const compacted = await store('compact', '--json');
    expect(jsonLines(compacted.stdout)).toMatchObject([
      { type: 'compacted', model: 'Qwen/QwQ-32B@main', changed: true, files: 1, answers: 4 },
      { type: 'compacted', model: 'small', changed: true, answers: 2 },
    ]);
    expect(jsonLines((await store('check', '--json')).stdout)).toMatchObject([
      { type: 'answers', model: 'Qwen/QwQ-32B@main', answers: 4, cost_usd: 1, damaged: 0, repeated: 0 },
      { type: 'answers', model: 'small', answers: 2, damaged: 0 },
      { type: 'store', models: 2, damaged: 0 },
    ]);
  });

  it('says what is damaged, and exits with 1', async () => {
    const path = join(answersFolder(join(cwd, '.secpi')), folderName('small'));
    const [segment = ''] = (await readdir(path)).filter((name) => name.endsWith('.gz'));
    const bytes = await readFile(join(path, segment));
    bytes.writeUInt8((bytes[bytes.length - 12] ?? 0) ^ 0xff, bytes.length - 12);
    await writeFile(join(path, segment), bytes);
    const { exitCode, stdout } = await store('check', '--model', 'small');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('At least 2 answers cannot be used; who asks for one buys it again.');
  });

  it('says which answers stand behind a damaged list, and what is torn', async () => {
    await buy('torn', 2);
    const path = join(answersFolder(join(cwd, '.secpi')), folderName('torn'));
    const [segment = ''] = (await readdir(path)).filter((name) => name.endsWith('.gz'));
    const bytes = await readFile(join(path, segment));
    await writeFile(join(path, segment), Buffer.concat([bytes, bytes.subarray(0, 50)]));
    const torn = await store('check', '--model', 'torn');
    expect(torn.stdout).toContain('50 B at the ends of files are no answer yet');
    expect(torn.exitCode).toBe(0);
    const last = bytes.lastIndexOf(bytes.subarray(0, 10));
    bytes.writeUInt8((bytes[last + 40] ?? 0) ^ 1, last + 40);
    await writeFile(join(path, segment), bytes);
    const damaged = await store('check', '--model', 'torn');
    expect(damaged.stdout).toContain('A damaged list names 1 answer, of which nothing is lost');
    expect(damaged.exitCode).toBe(1);
    expect((await store('compact', '--model', 'torn')).exitCode).toBe(0);
    const mended = await store('check', '--model', 'torn', '--json');
    expect(jsonLines(mended.stdout)).toMatchObject([{ answers: 2, damaged: 0, read_back: 0 }, { type: 'store' }]);
    expect(mended.exitCode).toBe(0);
    await rm(path, { recursive: true });
  });

  it('does not compact what somebody adds to', async () => {
    await using _answers = await buying('small', 1);
    const busy = await store('compact', '--model', 'small', '--json');
    expect(busy.exitCode).toBe(1);
    expect(jsonLines(busy.stdout)).toMatchObject([{ code: 'store/in-use' }]);
  });

  it('neither compacts nor imports beside one that does', async () => {
    const { signal } = new AbortController();
    const lock = await tryLock(stateDirectory(join(cwd, '.secpi')).lock(sha256('secpi store')), signal);
    await store('export', 'small.jsonl', '--model', 'small');
    for (const command of [['compact'], ['import', 'small.jsonl']]) {
      const busy = await store(...command, '--json');
      expect(busy.exitCode).toBe(1);
      expect(jsonLines(busy.stdout)).toMatchObject([{ code: 'store/busy' }]);
    }
    await lock?.release();
  });

  it('knows which models there are', async () => {
    const unknown = await store('check', '--model', 'smal', '--json');
    expect(jsonLines(unknown.stdout)).toMatchObject([
      { code: 'store/no-such-model', hint: 'There are those of Qwen/QwQ-32B@main, small.' },
    ]);
    const format = await store('export', 'all.zip', '--model', 'small', '--json');
    expect(jsonLines(format.stdout)).toMatchObject([{ code: 'store/unknown-format' }]);
    expect(format.exitCode).toBe(2);
  });
});
