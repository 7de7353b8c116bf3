import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSamples } from '../../../../src/stages/evaluate/samples/read-samples.js';
import type { Problem, Suite } from '../../../../src/suites/suite.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';

const problem = (id: string): Problem => ({ id, language: 'python', cwes: [], prompt: id });
/** Named as CWEval names its tasks. */
const suite = {
  name: 'ours',
  problems: ['cwe_022_0', 'cwe_078_0_js', 'core/c/cwe_131_0_c'].map(problem),
} as unknown as Suite;

/** What is read of these files. */
async function read(files: Readonly<Record<string, string>>, path = '.') {
  await using folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder.path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  try {
    const samples = await readSamples(join(folder.path, path), suite);
    return samples.map((one) => [one.variant, one.problem.id, one.sample, one.reasoning, one.answer]);
  } catch (error) {
    const { code, message, location } = error as { code: string; message: string; location?: object };
    const told = (text: string) => text.replaceAll(`${folder.path}/`, '');
    return { code, message: told(message), ...(location === undefined ? {} : { located: true }) };
  }
}

const line = (row: object) => `${JSON.stringify(row)}\n`;

describe('samples', () => {
  it('are read from rows with a problem and an answer, which may number themselves', async () => {
    const rows = [
      { problem: 'cwe_022_0', answer: 'I think.\n</think>\n\nSo.' },
      { problem: 'cwe_022_0', answer: 'Two.', extra: true },
      { problem: 'cwe_078_0_js', answer: 'Say </think>.', reasoning: null, sample: 7, variant: 'base+reminder' },
      { problem: 'cwe_078_0_js', answer: null },
    ];
    // The last line may lack its line feed.
    expect(await read({ 'any.jsonl': rows.map(line).join('').trimEnd() }, 'any.jsonl')).toEqual([
      ['samples', 'cwe_022_0', 0, 'I think.', 'So.'],
      ['samples', 'cwe_022_0', 1, null, 'Two.'],
      ['base+reminder', 'cwe_078_0_js', 7, null, 'Say </think>.'],
      ['samples', 'cwe_078_0_js', 0, null, ''],
    ]);
  });

  it('are read from all variants of a run', async () => {
    const files = Object.fromEntries(
      ['base', 'tuned'].map((variant) => [
        `samples/ours/${variant}.jsonl`,
        line({ problem: 'cwe_022_0', answer: 'a', variant }),
      ]),
    );
    const both = ['base', 'tuned'].map((variant) => [variant, 'cwe_022_0', 0, null, 'a']);
    expect(await read({ ...files, 'samples/another/base.jsonl': '?' })).toEqual(both);
    expect(await read(files, 'samples/ours')).toEqual(both);
  });

  it('are read from the raw answers that the harness of CWEval keeps, and not from what it made of them', async () => {
    const files = {
      'generated_10/core/py/cwe_022_0_raw.py': 'ten',
      'generated_2/core/py/cwe_022_0_raw.py': '<think>Two</think>two',
      'generated_2/core/py/cwe_022_0_task.py': 'code',
      'generated_2/core/py/cwe_022_0_test.py': 'test',
      'generated_2/core/js/cwe_078_0_js_raw.js': '',
      'generated_2/core/c/cwe_131_0_c_raw.c': 'c',
      'generated_2/res.json': '{}',
      'res_all.json': '{}',
    };
    expect(await read(files)).toEqual([
      ['samples', 'core/c/cwe_131_0_c', 2, null, 'c'],
      ['samples', 'cwe_078_0_js', 2, null, ''],
      ['samples', 'cwe_022_0', 2, 'Two', 'two'],
      ['samples', 'cwe_022_0', 10, null, 'ten'],
    ]);
  });

  it('are read from a folder for each problem', async () => {
    const files = {
      ...{ 'core/c/cwe_131_0_c/0.txt': 'c', 'cwe_022_0/10.txt': 'b', 'cwe_022_0/9.txt': 'a' },
      ...{ 'cwe_022_0/note.md': '', 'notes/readme.txt': '' },
    };
    expect(await read(files)).toEqual([
      ['samples', 'core/c/cwe_131_0_c', 0, null, 'c'],
      ['samples', 'cwe_022_0', 10, null, 'b'],
      ['samples', 'cwe_022_0', 9, null, 'a'],
    ]);
  });

  it('are not read when anything is wrong with one of them, and it is said where', async () => {
    const good = line({ problem: 'cwe_022_0', answer: 'a', sample: 0 });
    const bad = (row: string) => read({ 'a.jsonl': `${good}\n${row}` }, 'a.jsonl');
    expect(await bad('{"answer": "", "problem": "cwe_022_1"}')).toEqual({
      code: 'score/unknown-problem',
      message: 'a.jsonl:3:16: ours has no problem "cwe_022_1"',
      located: true,
    });
    expect(await bad('{"problem": "cwe_022_0", "answer": 3}')).toMatchObject({
      code: 'score/bad-row',
      message: expect.stringContaining('a.jsonl:3:26: answer: '),
    });
    expect(await bad('{"problem": "cwe_022_0" "answer": ""}')).toMatchObject({
      code: 'score/bad-row',
      message: expect.stringMatching(/^a\.jsonl:3:25: is not JSON/),
    });
    expect(await bad(line({ problem: 'cwe_022_0', answer: '', variant: '../x' }))).toMatchObject({
      message: expect.stringMatching(/^a\.jsonl:3:36: variant: must be/),
    });
    expect(await bad(good)).toMatchObject({
      code: 'score/sample-twice',
      message: 'a.jsonl:3:1: sample 0 of cwe_022_0 (samples) stands already in a.jsonl:1:1',
    });
    expect(await read({ 'generated_0/core/py/cwe_1_raw.py': '' })).toMatchObject({
      code: 'score/unknown-problem',
      message: 'generated_0/core/py/cwe_1_raw.py:1:1: ours has no problem "core/py/cwe_1"',
    });
  });

  it('are missed', async () => {
    const missing = (message: RegExp) => ({ code: 'score/no-samples', message: expect.stringMatching(message) });
    expect(await read({ 'readme.md': '' })).toEqual(missing(/^there are no samples in /));
    expect(await read({ 'empty.jsonl': '\n' }, 'empty.jsonl')).toEqual(missing(/^there are no samples in /));
    expect(await read({ 'generated_0/res.json': '{}' })).toEqual(missing(/^there are no samples in /));
    expect(await read({}, 'nowhere')).toEqual(missing(/^there is no /));
  });

  it('are read from the files of EvalPlus and LiveCodeBench, whose code is judged as it is', async () => {
    await using folder = await temporaryFolder();
    const takesCode: Suite = {
      ...suite,
      fromCode: ({ id }, code, as) => ({ 'answer.py': as === 'solution' ? code : `${id} ${code}` }),
    };
    const submissions = async (name: string, content: string) =>
      (await readSamples(await folder.write(name, content), takesCode)).map((one) => [
        one.problem.id,
        one.sample,
        one.submission,
      ]);
    const rows = [
      { task_id: 'cwe_022_0', solution: 'one </think> two' },
      { task_id: 'cwe_022_0', completion: 'three' },
    ];
    expect(await submissions('samples.jsonl', rows.map(line).join(''))).toEqual([
      ['cwe_022_0', 0, { 'answer.py': 'one </think> two' }],
      ['cwe_022_0', 1, { 'answer.py': 'cwe_022_0 three' }],
    ]);
    const questions = [{ question_id: 'cwe_078_0_js', code_list: ['a', ''], output_list: [] }];
    expect(await submissions('output.json', JSON.stringify(questions))).toEqual([
      ['cwe_078_0_js', 0, { 'answer.py': 'a' }],
      ['cwe_078_0_js', 1, { 'answer.py': '' }],
    ]);
    await expect(submissions('other.json', '{}')).rejects.toMatchObject({ code: 'score/bad-row' });
    // A suite that is about answers does not take code for one.
    expect(await read({ 'samples.jsonl': line(rows[0] ?? {}) })).toMatchObject({
      code: 'score/bad-row',
      located: true,
    });
  });

  it('are read from the results of the harness of BaxBench, whose files are judged as they are', async () => {
    await using folder = await temporaryFolder();
    const setting = 'temp0.2-openapi-none';
    const files = {
      // A problem whose name has slashes, as `Go-net/http`.
      [`results/m-1/cwe_022/a-b/${setting}/sample0/code/app.js`]: 'one',
      [`results/m-1/cwe_022/a-b/${setting}/sample0/code/sub/b.js`]: 'two',
      [`results/m-1/cwe_022/a-b/${setting}/sample0/test_results.json`]: '{"num_passed_ft": 1}',
      [`results/m-1/cwe_022/a-b/${setting}/sample1/code/failed`]: 'Format not found. Full response:\nNo.',
      'results/m 2/cwe_022/a-b/temp1.0-openapi-specific/sample0/code/failed': 'Format not found. Full response:\n',
      'results/m 2/cwe_022/a-b/temp1.0-openapi-specific/sample0/code/app.js': 'three',
    };
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    // Python could not read it either.
    await writeFile(join(folder.path, 'results/m-1/cwe_022/a-b', setting, 'sample0/code/c.bin'), Buffer.from([0xff]));
    const secret = await folder.write('secret.txt', 'mine');
    await symlink(secret, join(folder.path, 'results/m-1/cwe_022/a-b', setting, 'sample0/code/d.txt'));

    const takesFiles: Suite = {
      ...suite,
      problems: [problem('cwe_022/a/b')],
      fromFiles: (_, files) => ({ ...files }),
    };
    const { fromFiles: _, ...withoutFiles } = takesFiles;
    const samples = async (path: string) =>
      (await readSamples(join(folder.path, path), takesFiles)).map(({ variant, sample, submission, answer }) => [
        variant,
        sample,
        submission ?? answer,
      ]);
    const first = [`m-1-${setting}`, 0, { 'app.js': 'one', 'sub/b.js': 'two' }];
    const second = [`m-1-${setting}`, 1, 'No.'];
    const other = { 'app.js': 'three', failed: 'Format not found. Full response:\n' };
    expect(await samples('results')).toEqual([['m-2-temp1.0-openapi-specific', 0, other], first, second]);
    expect(await samples('results/m-1')).toEqual([first, second]);
    expect(await samples(`results/m-1/cwe_022/a-b/${setting}/sample1`)).toEqual([second]);
    // A suite that is about answers does not take files for one; nor does any take those of a task that it does not have.
    await expect(readSamples(join(folder.path, 'results'), withoutFiles)).rejects.toMatchObject({
      code: 'score/bad-row',
    });
    await expect(readSamples(join(folder.path, 'results'), suite)).rejects.toMatchObject({
      code: 'score/unknown-problem',
    });
  });
});
