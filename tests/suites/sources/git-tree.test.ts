import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitTreeOf } from '../../../src/suites/sources/git-tree.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('what git calls a folder', () => {
  it('is what git itself says', async () => {
    await using folder = await temporaryFolder();
    // `a.b` stands before `a/`, which git orders by that slash.
    for (const name of ['a/one', 'a.b', 'a0', 'run', 'ü']) await folder.write(`tree/${name}`, `${name}\n`);
    const tree = join(folder.path, 'tree');
    chmodSync(join(tree, 'run'), 0o755);
    symlinkSync('run', join(tree, 'link'));
    mkdirSync(join(tree, 'empty'));
    const git = (...args: string[]) =>
      execFileSync('git', [`--git-dir=${folder.path}/git`, `--work-tree=${tree}`, ...args], {
        encoding: 'utf8',
      }).trim();
    git('init', '--quiet');
    git('add', '--all');
    expect(await gitTreeOf(tree)).toBe(git('write-tree'));
    await folder.write('tree/a0', 'changed\n');
    expect(await gitTreeOf(tree)).not.toBe(git('write-tree'));
  });
});
