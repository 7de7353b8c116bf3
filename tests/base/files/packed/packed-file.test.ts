import { execFileSync } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readJsonLines } from '../../../../src/base/files/json-lines.js';
import { END_BLOCK, packBlock, TEXT_BYTES } from '../../../../src/base/files/packed/block.js';
import { Packer } from '../../../../src/base/files/packed/packer.js';
import { openTextFile } from '../../../../src/base/files/packed/text-file.js';
import { readLines } from '../../../../src/base/files/read-lines.js';
import { sha256 } from '../../../../src/base/hash.js';
import { temporaryFolder } from '../../../support/run-cli.js';

function packed(parts: readonly string[]): Buffer {
  const packer = new Packer();
  return Buffer.concat([...parts.map((part) => packer.add(part)), packer.end()]);
}

/** A text of so many bytes that packs a little, the same at every call. */
function someText(bytes: number): string {
  let text = '';
  for (let n = 0; text.length < bytes; n += 1) text += `${sha256(String(n)).slice(0, 20)} and one word more\n`;
  return text.slice(0, bytes);
}

async function textOfFile(path: string): Promise<string> {
  await using file = await openTextFile(path);
  const pieces: Buffer[] = [];
  for await (const piece of file.pieces()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Lengths around what fits into one block, and into what is read at once. */
const lengths = [0, 1, TEXT_BYTES - 1, TEXT_BYTES, TEXT_BYTES + 1, 2 * TEXT_BYTES, 9 * TEXT_BYTES + 5, 2_000_000];

describe('packed text', () => {
  it('is what was packed, whatever its length and the pieces that it came in, for us and for zcat', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rows.jsonl.gz');
    for (const length of lengths) {
      const text = someText(length);
      const bytes = packed([text.slice(0, 7), '', text.slice(7, 70_000), text.slice(70_000)]);
      expect(bytes).toEqual(packed([text]));
      await writeFile(path, bytes);
      expect(await textOfFile(path)).toBe(text);
      expect(execFileSync('zcat', [path], { maxBuffer: 1e8 }).toString()).toBe(text);
    }
  });

  it('has the same bytes wherever it is packed', () => {
    // What this version wrote first: results of one machine are known again on another by such digests.
    expect(sha256(packed([someText(200_000)]))).toBe(
      '338617adfd00e1495925332df0765105e9020e513e3ba4bffc40116fb69cd3e1',
    );
  });

  it('fits into its blocks if nothing in it packs', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rows.jsonl.gz');
    let state = 1;
    const noise = Buffer.from(
      Array.from({ length: TEXT_BYTES }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return state >>> 24;
      }),
    );
    const block = packBlock(noise);
    expect(block.length).toBeGreaterThan(TEXT_BYTES);
    expect(block.length).toBeLessThanOrEqual(1 << 16);
    await writeFile(path, Buffer.concat([block, END_BLOCK]));
    await using file = await openTextFile(path);
    for await (const piece of file.pieces()) expect(piece).toEqual(noise);
  });

  it('is read anywhere behind where its reader has been, and no further', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rows.jsonl.gz');
    const text = someText(700_000);
    await writeFile(path, packed([text]));
    await using file = await openTextFile(path);
    expect(await file.read(0, 100)).toHaveLength(0);
    const pieces = file.pieces();
    await pieces.next();
    expect((await file.read(0, 2 * TEXT_BYTES)).toString()).toBe(text.slice(0, TEXT_BYTES));
    for await (const _ of pieces);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length + 10), fc.nat(3 * TEXT_BYTES), async (start, length) => {
        expect((await file.read(start, length)).toString()).toBe(text.slice(start, start + length));
      }),
    );
  });

  it('is said to be damaged where a bit is wrong, a byte is missing, or something stands behind it, and never gives another text', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rows.jsonl.gz');
    const text = someText(150_000);
    const whole = packed([text]);
    let unnoticed = 0;
    const refused = { code: 'base/damaged-file', message: expect.stringContaining(path) };
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        await writeFile(path, bytes);
        const read = await textOfFile(path).catch((error: unknown) => error);
        // A few bits mean nothing: those that fill the last byte of what is packed.
        if (typeof read !== 'string') expect(read).toMatchObject(refused);
        else expect(read === text).toBe(true);
        unnoticed += typeof read === 'string' ? 1 : 0;
      }),
      { numRuns: 300 },
    );
    expect(unnoticed).toBeLessThan(5);
    for (const length of [0, 1, 17, 5000, whole.length - END_BLOCK.length, whole.length - 1]) {
      await writeFile(path, whole);
      await truncate(path, length);
      await expect(textOfFile(path), `${length} bytes`).rejects.toMatchObject(refused);
    }
    for (const more of [END_BLOCK, packBlock(Buffer.from('more')), Buffer.from('x')]) {
      await writeFile(path, Buffer.concat([whole, more]));
      await expect(textOfFile(path)).rejects.toMatchObject(refused);
    }
    // A short block that others follow would put every place behind it wrong.
    await writeFile(path, Buffer.concat([packBlock(Buffer.from('short')), whole]));
    await expect(textOfFile(path)).rejects.toMatchObject(refused);
  });

  it('is read as rows by its name', async () => {
    await using folder = await temporaryFolder();
    const rows = Array.from({ length: 5000 }, (_, n) => ({ n, text: 'ü'.repeat(n % 60) }));
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const path = join(folder.path, 'rows.jsonl.gz');
    await writeFile(path, packed([text]));
    const found: unknown[] = [];
    for await (const row of readJsonLines(path, z.object({ n: z.number(), text: z.string() }))) found.push(row);
    expect(found).toEqual(rows);
    let end = 0;
    for await (const line of readLines(path)) end = line.end;
    expect(end).toBe(Buffer.byteLength(text));
    expect((await readFile(path)).length).toBeLessThan(text.length / 4);
  });
});
