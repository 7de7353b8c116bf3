import { randomBytes } from 'node:crypto';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');

/** Runs a recipe that is only its text, and shows what a person sees; the folder must be as it was before. */
async function runText(text: string | Uint8Array, args: readonly string[] = []) {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'r.yaml'), text);
  const result = await runCli(['run', 'r.yaml', ...args], { cwd: folder.path });
  expect(await readdir(folder.path)).toEqual(['r.yaml']);
  expect(result.stdout).toBe('');
  expect(result.stderr.match(/^error:/gm)).toHaveLength(1);
  return { exitCode: result.exitCode, stderr: result.stderr };
}

const extended = (more: string) => `extends: ${quickstart}\nname: bad\n${more}`;

describe('a recipe that is wrong is refused with its place, and nothing is written', () => {
  it('unknown key, with the likely one', async () => {
    const { exitCode, stderr } = await runText(extended('train:\n  learning_rte: 1e-4\n'));
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error:
      r.yaml:4:3: unknown key \`learning_rte\` in \`train\`
        4 |   learning_rte: 1e-4
          |   ^^^^^^^^^^^^
        Did you mean \`learning_rate\`?
      code: recipe/invalid"
    `);
  });

  it('wrong type', async () => {
    const { exitCode, stderr } = await runText(extended('filter:\n  min_confidence: high\n'));
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error:
      r.yaml:4:19: \`filter.min_confidence\` must be a number, not the text "high"
        4 |   min_confidence: high
          |                   ^^^^
      hint: Every field is described in docs/recipe.md.
      code: recipe/invalid"
    `);
  });

  it.each(['run', 'plan'])('a mistake in its own catalogue, before any stage begins (%s)', async (command) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'r.yaml'), extended('catalogue: ./privacy\n'));
    await cp(join(packageRoot, 'catalogue', 'privacy'), join(folder.path, 'privacy'), { recursive: true });
    const group = join(folder.path, 'privacy', 'collecting.yaml');
    await writeFile(group, (await readFile(group, 'utf8')).replace('  naive_mistake:', '  naive_mistakes:'));
    const { exitCode, stdout, stderr } = await runCli([command, 'r.yaml'], { cwd: folder.path });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /collecting\.yaml:1:3 is not valid: \[0\]\.naive_mistake \(PRIVACY-1\).*\n.*\ncode: security\/catalogue-invalid/,
    );
    expect((await readdir(folder.path)).sort()).toEqual(['privacy', 'r.yaml']);
  });

  it('a file that is not there', async () => {
    await using folder = await temporaryFolder();
    const result = await runCli(['run', 'nowhere.yaml'], { cwd: folder.path });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatchInlineSnapshot(`
      "error:
      there is no file nowhere.yaml
        \`secpi init\` writes a recipe to start from.
      code: recipe/invalid"
    `);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('a data file that is not there', async () => {
    const { exitCode, stderr } = await runText(extended('collect:\n  sources: [{ file: nowhere.jsonl }]\n'));
    expect(exitCode).toBe(2);
    expect(stderr.split('\n').slice(0, 4).join('\n')).toMatchInlineSnapshot(`
      "error:
      r.yaml:4:21: there is no file nowhere.jsonl
        4 |   sources: [{ file: nowhere.jsonl }]
          |                     ^^^^^^^^^^^^^"
    `);
  });

  it('duplicate key', async () => {
    const { exitCode, stderr } = await runText(extended('seed: 1\nseed: 2\n'));
    expect(exitCode).toBe(2);
    expect(stderr.split('\n').slice(0, 4).join('\n')).toContain('r.yaml:4:1: this key stands twice in the same map');
  });

  it('broken YAML', async () => {
    const { exitCode, stderr } = await runText('name: bad\ntrain: [1, 2\nseed: 1\n');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error:\nr\.yaml:\d+:\d+: /);
  });

  it('an environment variable that is not set, said once', async () => {
    const model = 'models: { teacher: { model: m, replay: null, endpoint: "${NOT_SET_HERE}" } }';
    const { exitCode, stderr } = await runText(extended(`${model}\n`));
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error:
      r.yaml:3:56: the environment variable NOT_SET_HERE is not set
        3 | models: { teacher: { model: m, replay: null, endpoint: "\${NOT_SET_HERE}" } }
          |                                                        ^^^^^^^^^^^^^^^^^
        Set it, or write the value of \`models.teacher.endpoint\` out.
      code: recipe/invalid"
    `);
  });

  it('an alias bomb', async () => {
    const levels = Array.from({ length: 9 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    const { exitCode, stderr } = await runText(`${levels.join('\n')}\nname: bad\n`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('aliases expand to too much');
  });

  it.each([
    ['bytes', () => randomBytes(5_000_000)],
    [
      'text',
      () =>
        Buffer.from(
          randomBytes(2_500_000)
            .toString('hex')
            .replace(/(.{79})/g, '$1\n'),
        ),
    ],
  ])('5 MB of garbage: %s', async (_what, make) => {
    const { exitCode, stderr } = await runText(make());
    expect(exitCode).toBe(2);
    expect(stderr).toContain('a recipe has at most 1048576');
    expect(stderr.length).toBeLessThan(1000);
  });

  it('the same size just below the limit', async () => {
    const { exitCode, stderr } = await runText(
      randomBytes(500_000)
        .toString('hex')
        .replace(/(.{79})/g, '$1\n'),
    );
    expect(exitCode).toBe(2);
    expect(stderr.length).toBeLessThan(10_000);
  });

  it('nothing in it can steer the terminal', async () => {
    const { stderr } = await runText(extended('seed: "\u001b]0;title\u0007\u202e"\n'));
    expect(stderr).toContain('r.yaml:3:7');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('a stage that does not exist', async () => {
    const { exitCode, stderr } = await runText(extended(''), ['--until', 'trian']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error: there is no stage "trian"
      hint: Did you mean "train"?
      code: engine/unknown-stage"
    `);
  });

  it('an override that is none', async () => {
    const { exitCode, stderr } = await runText(extended(''), ['--set', 'seed']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error: --set seed is not of the form a.b=value
      hint: For example: --set train.learning_rate=1e-4
      code: recipe/bad-override"
    `);
  });

  it('with --json it is one line with the places', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'r.yaml'), extended('train:\n  learning_rte: 1e-4\n'));
    const { exitCode, stdout, stderr } = await runCli(['run', 'r.yaml', '--json'], { cwd: folder.path });
    expect(exitCode).toBe(2);
    expect(stderr).toBe('');
    expect(jsonLines(stdout)).toMatchObject([
      { type: 'error', code: 'recipe/invalid', diagnostics: [{ file: 'r.yaml', line: 4, column: 3 }] },
    ]);
  });
});

describe('bad usage', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    return () => folder[Symbol.asyncDispose]();
  });

  it.each([
    [['rnu'], /unknown command 'rnu'\n\(Did you mean run\?\)/],
    [['run'], /missing required argument 'recipe'/],
    [['run', 'a.yaml', 'b.yaml'], /too many arguments/],
    [['run', 'a.yaml', '--unitl', 'train'], /unknown option '--unitl'\n\(Did you mean --until\?\)/],
    [['run', 'a.yaml', '-q', '-v'], /cannot be used with/],
    [['status'], /there are no runs in \.secpi/],
    [['logs', '../../etc'], /there is no run "\.\.\/\.\.\/etc"/],
    [['report'], /there are no runs/],
  ])('secpi %j', async (args, message) => {
    const { exitCode, stdout, stderr } = await runCli(args, { cwd: folder.path });
    expect(stderr).toMatch(message);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is one JSON line with --json', async () => {
    const { exitCode, stdout, stderr } = await runCli(['rnu', '--json'], { cwd: folder.path });
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' });
    expect(jsonLines(stdout)).toEqual([
      { type: 'error', code: 'usage/unknown-command', message: "unknown command 'rnu'", hint: 'Did you mean run?' },
    ]);
  });
});
