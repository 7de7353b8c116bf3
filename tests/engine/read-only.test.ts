import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { canMount, readOnly, withMounts } from '../support/private-mounts.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const SCRIPT = join(import.meta.dirname, 'fixtures', 'make-folders.ts');

describe.skipIf(!canMount)('on a file system that is read-only', () => {
  it('a folder that cannot be made says so, however many above it are missing, and names the first of them', async () => {
    await using folder = await temporaryFolder();
    const place = join(folder.path, 'disk');
    await mkdir(join(place, 'there'), { recursive: true });
    const script = [process.execPath, '--import', import.meta.resolve('tsx'), SCRIPT, place];
    const [program, ...args] = withMounts([readOnly(place)], script);
    const { stdout } = await execa(program, args);
    const refused = (name: string) => ['EROFS', `cannot make ${join(place, name)}: the file system is read-only`];
    expect(JSON.parse(stdout)).toEqual({
      makeDirectory: refused('directory'),
      makeFolder: refused('folder'),
      path: refused('path'),
      text: refused('text'),
      there: [],
    });
  });
});
