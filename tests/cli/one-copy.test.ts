import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { modelFolders } from '../../src/models/answers/model-folder.js';
import { walkAnswers } from '../../src/models/answers/upkeep/walk-answers.js';
import { startOpenaiServer } from '../support/openai-server.js';
import { runCli, temporaryFolder } from '../support/run-cli.js';

async function answersIn(folder: string): Promise<number> {
  let answers = 0;
  for (const { path } of await modelFolders(join(folder, '.secpi')))
    for await (const { kind } of walkAnswers(path)) if (kind === 'answer') answers += 1;
  return answers;
}

/** The digest of what `trace` has made. */
async function madeIn(folder: string): Promise<string> {
  const artifacts = join(folder, '.secpi', 'artifacts', 'trace');
  const [name = ''] = (await readdir(artifacts)).filter((one) => one.endsWith('.json'));
  return JSON.parse(await readFile(join(artifacts, name), 'utf8')).digest;
}

it('a trace is kept twice, and either copy may go: nothing is bought for it', async () => {
  await using folder = await temporaryFolder();
  await using server = await startOpenaiServer(({ prompt }) => ({
    kind: 'answer',
    reasoning: `What could somebody send here? ${prompt.length} characters of it.`,
    content: '```python\nprint()\n```',
  }));
  const teacher = `{ model: m, replay: null, endpoint: "${server.url}" }`;
  const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
  await writeFile(
    join(folder.path, 'r.yaml'),
    `extends: ${quickstart}\nname: copies\nmodels: { teacher: ${teacher} }\n`,
  );
  const run = async (): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCli(['run', 'r.yaml', '--until', 'trace'], { cwd: folder.path });
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  await run();
  const bought = server.received.length;
  expect(bought).toBe(24);
  expect(await answersIn(folder.path)).toBe(24);
  const made = await madeIn(folder.path);

  // Without the artifact: made again of the store's answers.
  await rm(join(folder.path, '.secpi', 'artifacts', 'trace'), { recursive: true });
  expect(await run()).toMatch(/^trace +done/m);
  expect(await madeIn(folder.path)).toBe(made);

  // Without the store: the artifact is whole by itself.
  const swept = await runCli(['gc', '--answers', '--yes'], { cwd: folder.path });
  expect(swept.exitCode, swept.stderr).toBe(0);
  expect(await answersIn(folder.path)).toBe(0);
  expect(await run()).toMatch(/^trace +cached/m);
  const { exitCode } = await runCli(['data', 'peek', await tracesIn(folder.path)], { cwd: folder.path });
  expect(exitCode).toBe(0);
  expect(server.received).toHaveLength(bought);

  // Without either it has to be bought again.
  await rm(join(folder.path, '.secpi', 'artifacts', 'trace'), { recursive: true });
  expect(await run()).toMatch(/^trace +done/m);
  expect(server.received).toHaveLength(2 * bought);
});

async function tracesIn(folder: string): Promise<string> {
  const objects = join(folder, '.secpi', 'objects');
  for (const object of await readdir(objects)) {
    const path = join(objects, object, 'traces.jsonl.gz');
    if (existsSync(path)) return path;
  }
  throw new Error('there are no traces');
}
