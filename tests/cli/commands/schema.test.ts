import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { jsonLines, runCli } from '../../support/run-cli.js';

it('secpi.schema.json is what `secpi schema` prints (else: npx secpi schema > secpi.schema.json)', async () => {
  const committed = await readFile(join(packageRoot, 'secpi.schema.json'), 'utf8');
  const { exitCode, stdout } = await runCli(['schema'], { cwd: packageRoot });
  expect(exitCode).toBe(0);
  expect(`${stdout}\n`).toBe(committed);
});

it('with --json the schema is one line', async () => {
  const { stdout } = await runCli(['schema', '--json'], { cwd: packageRoot });
  expect(jsonLines(stdout)).toMatchObject([
    { $schema: 'http://json-schema.org/draft-07/schema#', required: expect.arrayContaining(['name', 'train']) },
  ]);
});
