import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScoredSample } from '../../../src/stages/evaluate/records.js';
import { cliCommand, cliEnvironment, jsonLines, runCli } from '../../support/run-cli.js';
import { smallSuite } from '../../support/small-suite.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const folder = await temporaryFolder();
const cwd = folder.path;
afterAll(() => folder[Symbol.asyncDispose]());

const secure = 'def half(n):\n    return "refused" if n % 2 else n // 2\n';
const insecure = 'def half(n):\n    return n // 2\n';
const fenced = (code: string) => `Easy.</think>\n\n\`\`\`python\n${code}\`\`\`\n`;
const from = ['--suite', 'ours', '--from', 'files=suite'];

async function write(name: string, content: string) {
  await mkdir(dirname(join(cwd, name)), { recursive: true });
  await writeFile(join(cwd, name), content);
}
const read = (name: string) => readFile(join(cwd, name), 'utf8');
const rows = async (name: string) => jsonLines(await read(name)) as unknown as ScoredSample[];
/** How many judgements are kept. */
async function kept(): Promise<number> {
  const judgements = join(cwd, '.secpi', 'judgements');
  const files = (await readdir(judgements, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(files.map((name) => readFile(join(judgements, name), 'utf8')));
  return jsonLines(texts.join('')).length;
}

beforeAll(async () => {
  await smallSuite(join(cwd, 'suite'), ['cwe-1-0', 'cwe-2-0']);
  const answers = { 'cwe-1-0': [secure, insecure], 'cwe-2-0': [secure, 'nonsense'] };
  for (const [problem, codes] of Object.entries(answers)) {
    for (const [n, code] of codes.entries()) {
      await write(`evals/generated_${n}/core/py/${problem}_raw.py`, fenced(code));
      await write(`plain/${problem}/${n}.txt`, fenced(code));
    }
  }
});

describe('secpi score', () => {
  it('judges what the official harness left, and judges its own samples again to the same bytes', async () => {
    const first = await runCli(['score', 'evals', ...from, '--out', 'first'], { cwd });
    expect(first.stdout.replaceAll(/ +$/gm, '')).toMatchInlineSnapshot(`
      "ours                samples
      func@1                0.750
      func-sec@1            0.500
      SecRatio, pooled      0.667
      SecRatio, per task    0.750
      samples                   4
      problems                  2
      written: first"
    `);
    expect(first.exitCode).toBe(0);
    expect(
      (await rows('first/samples/ours/samples.jsonl')).map((row) => [
        row.problem,
        row.sample,
        row.functional,
        row.security,
      ]),
    ).toEqual([
      ['cwe-1-0', 0, 'pass', 'pass'],
      ['cwe-1-0', 1, 'pass', 'fail'],
      ['cwe-2-0', 0, 'pass', 'pass'],
      ['cwe-2-0', 1, 'fail', 'fail'],
    ]);
    const judged = await kept();

    // Two verdicts that somebody changed, and the code: none of that is believed.
    const text = (await read('first/samples/ours/samples.jsonl'))
      .replaceAll('"fail"', '"pass"')
      .replaceAll('"submission":{', '"submission":{"x":"",');
    await write('lies.jsonl', text);
    for (const [samples, out] of [
      ['lies.jsonl', 'again'],
      ['first', 'third'],
      ['plain', 'fourth'],
    ] as const) {
      const { exitCode, stdout } = await runCli(['score', samples, ...from, '--out', out, '--json'], { cwd });
      expect(exitCode).toBe(0);
      expect(jsonLines(stdout).at(-1)).toMatchObject({
        type: 'scores',
        suites: { ours: { problems: 2, variants: { samples: { func_at_1: 0.75, func_sec_at_1: 0.5, samples: 4 } } } },
      });
      for (const name of ['scores.json', 'samples/ours/samples.jsonl'])
        expect(await read(`${out}/${name}`)).toBe(await read(`first/${name}`));
    }
    // What was judged is kept: no code ran a second time.
    expect(await kept()).toBe(judged);
  });

  it('writes nothing when it is stopped, and goes on with what was judged', async () => {
    const slow = `import time\ntime.sleep(2)\n${secure}`;
    const answers = [secure, ...Array.from({ length: 6 }, (_, index) => `${slow}# ${index}\n`)];
    await write(
      'slow.jsonl',
      answers.map((code) => `${JSON.stringify({ problem: 'cwe-1-0', answer: fenced(code) })}\n`).join(''),
    );
    const before = await kept();
    const [program, ...args] = cliCommand();
    const running = execa(program, [...args, 'score', 'slow.jsonl', ...from, '--out', 'stopped', '--json'], {
      ...{ cwd, env: cliEnvironment(cwd), extendEnv: false, stdin: 'ignore', reject: false, timeout: 50_000 },
    });
    running.stdout?.on('data', (chunk: Buffer) => {
      // The second one that is judged is a slow one.
      if (chunk.toString().includes('"done":2,')) running.kill('SIGINT');
    });
    expect((await running).exitCode).toBe(130);
    const judged = await kept();
    expect(judged).toBeGreaterThan(before);
    expect(judged).toBeLessThan(before + 6);
    expect((await readdir(cwd)).filter((name) => name.startsWith('stopped'))).toEqual([]);
    const whole = await runCli(['score', 'slow.jsonl', ...from, '--out', 'stopped', '--json', '--at-once', '6'], {
      cwd,
    });
    expect(whole.exitCode).toBe(0);
    expect(await kept()).toBe(before + 6);
    expect((await rows('stopped/samples/ours/samples.jsonl')).map((row) => row.security)).toEqual(
      Array(7).fill('pass'),
    );
  });

  it('says of what there is nothing to judge', async () => {
    const row = (more: object) => `${JSON.stringify({ problem: 'cwe-2-0', ...more })}\n`;
    const rest = [{ answer: 'I would not.' }, { answer: '<think>On and', finish: 'length' }, { answer: null }];
    await write('rest.jsonl', rest.map(row).join(''));
    const { stdout } = await runCli(['score', 'rest.jsonl', ...from], { cwd });
    expect(stdout.split('\n').filter((line) => line.startsWith('samples: '))).toEqual([
      'samples: 1 of 2 problems have no sample and are left out',
      'samples: 1 of 3 have no code in them',
      'samples: 1 of 3 were cut off before an answer began',
      'samples: 1 of 3 were refused',
    ]);
  });

  it('says what is wrong before it judges anything', async () => {
    await write('bad.jsonl', '{"problem": "cwe-3-0", "answer": ""}\n');
    const code = async (...args: string[]) => {
      const { exitCode, stdout } = await runCli(['score', ...args, '--json'], { cwd });
      return [exitCode, jsonLines(stdout).map((row) => row.code)];
    };
    const before = await kept();
    expect(await code('bad.jsonl', ...from)).toEqual([2, ['score/unknown-problem']]);
    expect(await code('evals', '--suite', 'ours')).toEqual([2, ['suites/unknown-suite']]);
    expect(await code('evals', '--suite', 'ours', '--from', 'fils=suite')).toEqual([2, ['score/bad-origin']]);
    expect(await code('evals', '--suite', 'ours', '--from', 'suite')).toEqual([2, ['usage/invalid-argument']]);
    await write('there/x', '');
    expect(await code('evals', ...from, '--out', 'there')).toEqual([2, ['score/out-exists']]);
    expect(await code('evals', ...from, '--out', 'bad.jsonl')).toEqual([2, ['score/out-exists']]);
    expect(await kept()).toBe(before);
  });
});
