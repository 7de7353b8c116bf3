import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import { answerRow } from '../../../../src/models/answers/answer-row.js';
import { listedLines, packFrame } from '../../../../src/models/answers/format/answer-frame.js';
import { scanAnswers } from '../../../../src/models/answers/format/scan-answers.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-scan-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const key = (n: number) => ({ request: sha256(`${n}`), attempt: n });
const text = (n: number) =>
  JSON.stringify(
    answerRow(key(n), {
      request: key(n).request,
      reasoning: null,
      content: `answer ${n}`,
      finish: 'stop',
      tokens: { input: 1, output: 1 },
    }),
  );

interface Seen {
  readonly attempts: readonly number[];
  readonly damaged: number;
  readonly unfinished: number;
}

async function scanned(bytes: Buffer | string, name: string, lastLine?: 'read' | 'drop', from = 0): Promise<Seen> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const attempts: number[] = [];
  let [damaged, unfinished, end] = [0, 0, from];
  for await (const stretch of scanAnswers(path, from, lastLine)) {
    expect(stretch.start).toBeGreaterThanOrEqual(end);
    end = stretch.start + stretch.length;
    if (stretch.kind === 'damaged') damaged += stretch.length;
    if (stretch.kind === 'unfinished') unfinished += stretch.length;
    if (stretch.kind === 'frame') for (const line of listedLines(stretch.entries)) attempts.push(line.key.attempt);
  }
  return { attempts, damaged, unfinished };
}

describe('scanning packed answers', async () => {
  const frames = await Promise.all(
    [[0, 1, 2], [3], [4, 5]].map((numbers) => packFrame(numbers.map((n) => ({ key: key(n), text: text(n) })))),
  );
  const whole = Buffer.concat(frames.map(({ bytes }) => bytes));
  const [first = 0, second = 0] = frames.map(({ length }) => length);

  it('finds every whole frame of a file that was cut anywhere, and says what is left over', async () => {
    for (let cut = 0; cut <= whole.length; cut += 7) {
      const attempts = cut < first ? [] : cut < first + second ? [0, 1, 2] : [0, 1, 2, 3];
      const kept = cut < first ? 0 : cut < first + second ? first : first + second;
      const seen = await scanned(whole.subarray(0, cut), 'cut.jsonl.gz');
      expect(seen, `cut at ${cut}`).toEqual({ attempts, damaged: 0, unfinished: cut - kept });
    }
    expect(await scanned(whole, 'cut.jsonl.gz')).toEqual({ attempts: [0, 1, 2, 3, 4, 5], damaged: 0, unfinished: 0 });
  });

  it('goes on behind a frame that is damaged, wherever its list was hit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[first + at] = (bytes[first + at] ?? 0) ^ change;
        const seen = await scanned(bytes, 'damaged.jsonl.gz');
        expect(seen).toEqual({ attempts: [0, 1, 2, 4, 5], damaged: second, unfinished: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it('finds a frame behind rubbish that is longer than what is read at once', async () => {
    const rubbish = Buffer.alloc(300_000, 0x1f);
    const seen = await scanned(Buffer.concat([frames[0]?.bytes ?? rubbish, rubbish, whole]), 'rubbish.jsonl.gz');
    expect(seen).toEqual({ attempts: [0, 1, 2, 0, 1, 2, 3, 4, 5], damaged: 300_000, unfinished: 0 });
    const zeros = Buffer.concat([whole, Buffer.alloc(600_000)]);
    expect(await scanned(zeros, 'zeros.jsonl.gz')).toMatchObject({ damaged: 0, unfinished: 600_000 });
  });

  it('begins where it is told to', async () => {
    expect((await scanned(whole, 'from.jsonl.gz', 'drop', first)).attempts).toEqual([3, 4, 5]);
  });

  it('takes a gzip file of somebody else for unfinished from its beginning', async () => {
    const { gzipSync } = await import('node:zlib');
    const foreign = gzipSync(`${text(0)}\n`);
    expect(await scanned(foreign, 'foreign.jsonl.gz')).toEqual({
      attempts: [],
      damaged: 0,
      unfinished: foreign.length,
    });
  });
});

describe('scanning plain answers', () => {
  it('takes neighbours together, and says what is none', async () => {
    const lines = `${text(0)}\n${text(1)}\n\n${text(2)}\r\nrubbish\n${text(3)}\n${text(4)}`;
    const [unfinished, damaged] = [Buffer.byteLength(text(4)), 8];
    expect(await scanned(lines, 'plain.jsonl')).toEqual({ attempts: [0, 1, 2, 3], damaged, unfinished });
    expect(await scanned(lines, 'plain.jsonl', 'read')).toEqual({ attempts: [0, 1, 2, 3, 4], damaged, unfinished: 0 });
  });
});
