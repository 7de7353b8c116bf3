import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ServerEvent, serverEvents } from '../../../../src/models/asking/wire/server-events.js';

async function eventsOf(pieces: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const all: ServerEvent[] = [];
  async function* bytes() {
    yield* pieces;
  }
  for await (const event of serverEvents(bytes())) all.push(event);
  return all;
}

const read = (text: string) => eventsOf([Buffer.from(text)]);

describe('serverEvents', () => {
  it('gives the same messages however the bytes are cut, and whatever ends the lines', () => {
    const text = fc.string({ unit: 'grapheme' }).map((one) => one.replace(/[\r\n]/g, ''));
    const event = fc.record({
      kind: fc.constantFrom('', 'error'),
      data: fc.array(text, { minLength: 1, maxLength: 3 }),
    });
    const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
    return fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 6 }),
        lineEnd,
        fc.array(fc.nat(400), { maxLength: 30 }),
        async (events, end, cuts) => {
          const lines = events.flatMap(({ kind, data }) => [
            ': a comment',
            ...(kind === '' ? [] : [`event: ${kind}`]),
            ...data.map((line) => `data: ${line}`),
            '',
          ]);
          const bytes = Buffer.from(lines.map((line) => line + end).join(''));
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
          const pieces = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
          expect(await eventsOf(pieces)).toEqual(events.map(({ kind, data }) => ({ kind, data: data.join('\n') })));
        },
      ),
    );
  });

  it('takes a blank behind the colon or none, passes over what has no data, and counts a last message without its end', async () => {
    expect(await read('data:a\n\nid: 7\n\nretry: 9\nevent: ping\n\ndata:  b\ndata\n\ndata: c')).toEqual([
      { kind: '', data: 'a' },
      { kind: '', data: ' b' },
      { kind: '', data: 'c' },
    ]);
  });

  it('counts a last message whose line ends and which no empty line follows', async () => {
    expect(await read('data: a\n\ndata: b\n')).toEqual([
      { kind: '', data: 'a' },
      { kind: '', data: 'b' },
    ]);
  });

  it('gives up on a line that never ends', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'a');
    await expect(eventsOf(Array.from({ length: 17 }, () => piece))).rejects.toThrow(SyntaxError);
  });
});
