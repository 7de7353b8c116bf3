import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coverDescriptors, inheritedDescriptors } from '../../../src/base/processes/inherited-descriptors.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('inheritedDescriptors', () => {
  it('finds what another program left open, and nothing that Node opened', async () => {
    await using folder = await temporaryFolder();
    await folder.write('file', '');
    const script = `console.log(require('fs').openSync('file')); process.stdin.resume()`;
    const child = spawn('bash', ['-c', 'exec "$@" 47<file', 'bash', process.execPath, '-e', script], {
      cwd: folder.path,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      const [opened] = (await once(child.stdout, 'data')) as [Buffer];
      const found = inheritedDescriptors(`/proc/${child.pid}`);
      expect(found).toContain(47);
      expect(found).not.toContain(Number(opened.toString()));
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('finds nothing of our own', () => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect(inheritedDescriptors('/proc/self')).not.toContain(fd);
    } finally {
      closeSync(fd);
    }
  });

  it('passes over one that was closed in between, and a system without /proc', async () => {
    await using folder = await temporaryFolder();
    for (const fd of [3, 4, 5]) await folder.write(`fd/${fd}`, '');
    await folder.write('fdinfo/3', 'pos:\t0\nflags:\t0100002\nmnt_id:\t27\nino:\t2000000\n');
    await folder.write('fdinfo/5', 'pos:\t0\nflags:\t02100002\nmnt_id:\t27\nino:\t1\n');
    expect(inheritedDescriptors(folder.path)).toEqual([3]);
    expect(inheritedDescriptors(join(folder.path, 'none'))).toEqual([]);
  });
});

describe('coverDescriptors', () => {
  it.each([
    ['none', [], ['in', 'out', 'err']],
    ['the next', [3], ['in', 'out', 'err', 'nothing']],
    ['one further up', [5], ['in', 'out', 'err', 'ignore', 'ignore', 'nothing']],
    ['several, in any order', [6, 1, 4], ['in', 'out', 'err', 'ignore', 'nothing', 'ignore', 'nothing']],
    ['one in whose place the child gets another', [2], ['in', 'out', 'err']],
  ])('covers %s', (_name, inherited, expected) => {
    expect(coverDescriptors(['in', 'out', 'err'], inherited, 'nothing')).toEqual(expected);
  });
});
