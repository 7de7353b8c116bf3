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
  /** Of the attempts, how many stand behind a damaged list. */
  readonly back?: number;
}

async function scanned(bytes: Buffer | string, name: string, lastLine?: 'read' | 'drop', from = 0): Promise<Seen> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const attempts: number[] = [];
  let [damaged, unfinished, back, end] = [0, 0, 0, from];
  for await (const stretch of scanAnswers(path, from, lastLine)) {
    expect(stretch.start).toBeGreaterThanOrEqual(end);
    end = stretch.start + stretch.length;
    if (stretch.kind === 'damaged') damaged += stretch.length;
    if (stretch.kind === 'unfinished') unfinished += stretch.length;
    if (stretch.kind !== 'frame') continue;
    for (const line of listedLines(stretch.entries)) {
      attempts.push(line.key.attempt);
      if (stretch.readBack === true) back += 1;
    }
  }
  return { attempts, damaged, unfinished, ...(back === 0 ? {} : { back }) };
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

  it('reads a frame back whose list was hit, and goes on behind one of which nothing can be read', async () => {
    // What says that it is a frame, and how a gzip member is to be read.
    const needed = [0, 1, 2, 3, 10, 11, 12, 13];
    await fc.assert(
      fc.asyncProperty(fc.nat(67), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[first + at] = (bytes[first + at] ?? 0) ^ change;
        const seen = await scanned(bytes, 'damaged.jsonl.gz');
        const all = { attempts: [0, 1, 2, 3, 4, 5], damaged: 0, unfinished: 0, back: 1 };
        const others = { attempts: [0, 1, 2, 4, 5], damaged: second, unfinished: 0 };
        expect(needed.includes(at) ? [all, others] : [all]).toContainEqual(seen);
      }),
      { numRuns: 100 },
    );
    const bytes = Buffer.from(whole);
    for (const at of [first + 40, first + second - 12]) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    const seen = await scanned(bytes, 'damaged.jsonl.gz');
    expect(seen).toEqual({ attempts: [0, 1, 2, 4, 5], damaged: second, unfinished: 0 });
  });

  it('takes nothing for torn that was written and has changed since, in the last frame either', async () => {
    const last = first + second;
    const length = whole.length - last;
    for (let at = 0; at < length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[last + at] = (bytes[last + at] ?? 0) ^ (1 << (at & 7));
      const { attempts, damaged, unfinished } = await scanned(bytes, 'last.jsonl.gz');
      // Damage to the answers themselves is seen by who unpacks them.
      const expected = damaged === 0 ? [0, 1, 2, 3, 4, 5] : [0, 1, 2, 3];
      expect({ attempts, unfinished }, `byte ${at}`).toEqual({ attempts: expected, unfinished: 0 });
      expect([0, length]).toContain(damaged);
    }
  });

  it('takes a head that breaks off for torn, with zeros in the place of what was not written too', async () => {
    const last = first + second;
    const listEnd = 28 + 2 * 40;
    for (const zeros of [1, 10, 5000, 300_000]) {
      for (let cut = 0; cut < listEnd; cut += 9) {
        const bytes = Buffer.concat([whole.subarray(0, last + cut), Buffer.alloc(zeros)]);
        const seen = await scanned(bytes, 'zeros.jsonl.gz');
        expect(seen, `cut at ${cut}`).toEqual({ attempts: [0, 1, 2, 3], damaged: 0, unfinished: cut + zeros });
        if (zeros < 5000) continue;
        const rubbish = Buffer.concat([bytes, Buffer.from('x')]);
        expect(await scanned(rubbish, 'zeros.jsonl.gz')).toMatchObject({ damaged: cut + zeros + 1, unfinished: 0 });
      }
    }
  });

  it('hides no whole frame behind one that was cut off, and no torn one behind a damaged list', async () => {
    const cut = Buffer.concat([whole.subarray(0, 160), whole.subarray(first, first + second)]);
    expect(cut.length).toBeLessThan(first);
    expect(await scanned(cut, 'cut.jsonl.gz')).toEqual({ attempts: [3], damaged: 160, unfinished: 0 });
    const torn = Buffer.from(whole.subarray(0, first + second + 50));
    torn[first + 40] = (torn[first + 40] ?? 0) ^ 0xff;
    const seen = await scanned(torn, 'torn.jsonl.gz');
    expect(seen).toEqual({ attempts: [0, 1, 2, 3], damaged: 0, unfinished: 50, back: 1 });
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

  it('takes a gzip file of somebody else for damaged from its beginning', async () => {
    const { gzipSync } = await import('node:zlib');
    const foreign = gzipSync(`${text(0)}\n`);
    expect(await scanned(foreign, 'foreign.jsonl.gz')).toEqual({
      attempts: [],
      damaged: foreign.length,
      unfinished: 0,
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

  it('takes a last line for torn that is the beginning of a row, and nothing else', async () => {
    const line = Buffer.from(`${text(1)}\n`);
    const before = `${text(0)}\n`;
    for (let cut = 1; cut < line.length; cut += 1) {
      const torn = Buffer.concat([Buffer.from(before), line.subarray(0, cut)]);
      expect(await scanned(torn, 'torn.jsonl')).toEqual({ attempts: [0], damaged: 0, unfinished: cut });
    }
    const zeros = Buffer.concat([Buffer.from(before), line.subarray(0, 30), Buffer.alloc(500)]);
    expect(await scanned(zeros, 'torn.jsonl')).toEqual({ attempts: [0], damaged: 0, unfinished: 530 });
    for (const other of ['rubbish', `${text(1)}x`, `${text(1)}\u0000`]) {
      const seen = await scanned(`${before}${other}`, 'other.jsonl');
      expect(seen).toEqual({ attempts: [0], damaged: other.length, unfinished: 0 });
    }
  });
});
