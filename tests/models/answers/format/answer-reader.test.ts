import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import { packFrame } from '../../../../src/models/answers/format/answer-frame.js';
import { AnswerReader } from '../../../../src/models/answers/format/answer-reader.js';
import { watchFaults } from '../../../support/fault-points.js';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'secpi-reader-')), 'a.jsonl.gz');
});
afterEach(() => rm(join(path, '..'), { recursive: true, force: true }));

describe('AnswerReader', () => {
  it('reads a frame once for all that stand in it, and keeps no more of them than it is told to', async () => {
    const texts = [0, 1, 2, 3].map((n) => ['a', 'b'].map((letter) => `"${n}${letter}"`));
    const frames = await Promise.all(
      texts.map((pair) => packFrame(pair.map((text) => ({ key: { request: sha256(text), attempt: 0 }, text })))),
    );
    await writeFile(path, Buffer.concat(frames.map(({ bytes }) => bytes)));
    // Room for two frames of 10 bytes.
    await using reader = new AnswerReader(20);
    const file = reader.addFile(path);
    const placeOf = (n: number, line: number) => {
      const start = frames.slice(0, n).reduce((sum, { length }) => sum + length, 0);
      const { length = 0, unpacked = 0 } = frames[n] ?? {};
      return { frame: { file, start, length, unpacked }, offset: line * 5, length: 5 };
    };
    let reads = 0;
    using _watch = await watchFaults(
      ({ call }) => {
        if (call === 'read') reads += 1;
        return 'none';
      },
      { looks: true },
    );
    const line = async (n: number, which: number) =>
      expect(await reader.line(placeOf(n, which))).toBe(`${texts[n]?.[which]}\n`);
    await Promise.all([line(0, 0), line(0, 1)]);
    expect(reads).toBe(1);
    await line(1, 0);
    await line(0, 1);
    expect(reads).toBe(2);
    // The one that was used longest ago makes room.
    await line(2, 0);
    await line(0, 0);
    expect(reads).toBe(3);
    await line(1, 1);
    expect(reads).toBe(4);
  });
});
