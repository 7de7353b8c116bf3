import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pieceBytes, readInPieces } from '../../../src/base/files/pieces.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const piecesOf = async (path: string, most: number): Promise<readonly Buffer[]> =>
  (await readInPieces(path, most)).toArray() as Promise<readonly Buffer[]>;

describe('readInPieces', () => {
  it('takes no more memory than a small file needs, and no more than was allowed for a large one', async () => {
    expect([0, 5_000, 10 ** 9].map((size) => pieceBytes(size, 65_536))).toEqual([4_096, 5_000, 65_536]);
    await using folder = await temporaryFolder();
    const path = await folder.write('file', 'x'.repeat(100_000));
    expect((await piecesOf(path, 65_536)).map(({ length }) => length)).toEqual([65_536, 34_464]);
    const whole = await piecesOf(path, 2 ** 20);
    expect(whole.map(({ length }) => length)).toEqual([100_000]);
    expect(whole[0]?.buffer.byteLength).toBe(100_000);
    expect(await piecesOf(await folder.write('empty', ''), 2 ** 20)).toEqual([]);
  });

  it('reads to the end of a file that has grown since it was looked at, and one whose size the system does not say', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', 'begun ');
    const stream = await readInPieces(path, 2 ** 20);
    await appendFile(path, 'y'.repeat(50_000));
    expect(Buffer.concat((await stream.toArray()) as Buffer[]).length).toBe(50_006);
    expect(Buffer.concat([...(await piecesOf('/proc/self/status', 2 ** 20))]).toString()).toContain('VmRSS');
  });

  it('says what is wrong as a stream does, when it is read', async () => {
    await using folder = await temporaryFolder();
    const missing = await readInPieces(join(folder.path, 'missing'), 10);
    await expect(missing.toArray()).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    await mkdir(join(folder.path, 'below'));
    const below = await readInPieces(join(folder.path, 'below'), 10);
    await expect(below.toArray()).rejects.toMatchObject({ code: 'EISDIR', syscall: 'read' });
  });
});
