import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capture } from '../../../src/base/processes/capture.js';

const chunks = fc.array(fc.string({ maxLength: 12 }), { maxLength: 12 });
const limit = fc.nat({ max: 40 });
const streamOf = (texts: readonly string[]): Readable => Readable.from(texts.map((text) => Buffer.from(text)));

describe('capture', () => {
  it('keeps the last bytes, whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, limit, async (texts, limitBytes) => {
        const all = texts.join('');
        const fail = () => expect.unreachable('nothing to stop');
        expect(await capture(streamOf(texts), { limitBytes, overflow: 'keep-tail' }, fail)).toEqual({
          text: all.slice(Math.max(0, all.length - limitBytes)),
          truncated: all.length > limitBytes,
        });
      }),
    );
  });

  it('keeps the first bytes and asks to stop, whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, limit, async (texts, limitBytes) => {
        const all = texts.join('');
        let stops = 0;
        const kept = await capture(streamOf(texts), { limitBytes, overflow: 'stop' }, () => {
          stops += 1;
        });
        expect(kept).toEqual({ text: all.slice(0, limitBytes), truncated: all.length > limitBytes });
        expect(stops > 0).toBe(all.length > limitBytes);
      }),
    );
  });

  it('joins a character that came in two parts', async () => {
    const stream = Readable.from([Buffer.from([0x68, 0xc3]), Buffer.from([0xa9])]);
    expect((await capture(stream, { limitBytes: 3, overflow: 'keep-tail' }, () => {})).text).toBe('hé');
  });

  it('gives what came before an error', async () => {
    const stream = Readable.from(
      (async function* () {
        yield Buffer.from('before');
        throw new Error('read EIO');
      })(),
    );
    expect(await capture(stream, { limitBytes: 9, overflow: 'stop' }, () => {})).toEqual({
      text: 'before',
      truncated: false,
    });
  });
});
