import { promisify } from 'node:util';
import { crc32, deflateRaw, gunzip } from 'node:zlib';
import type { Sha256 } from '../../../base/hash.js';
import { type AnswerKey, keyIn } from '../answer-row.js';

/**
 * How answers are kept: a file of frames, each of which is a whole member of a gzip file (RFC 1952) with some lines of JSON in it. So
 * `zcat` shows all of them, and nothing needs secpi to be read. What makes one answer quick to find stands in the member's extra
 * field, as BGZF (the format of `bgzip`) does it:
 *
 * ```
 * 'S' 'A'  u16 bytes that follow
 * u32      CRC-32 of what follows here
 * u32      bytes of the whole member
 * u32      bytes of its lines, unpacked
 * 40 bytes for each line: the request's SHA-256 (32), u32 attempt, u32 bytes of the line with its line feed
 * ```
 *
 * Numbers are little-endian. A frame is written in one piece behind the others; one that is cut off at the end of a file is dropped.
 * What stands in the list stands in the lines too: if only the list is damaged, it is made anew from them.
 */

/** One line of a frame's list. */
export const ENTRY_BYTES = 40;
const HASH_BYTES = 32;

/** Where the list begins in a member, and what comes before it. */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
const LIST_START = GZIP_HEAD.length + 2 + 4 + 12;
/** What has to be read to know how long the list is. */
export const FRAME_START_BYTES = LIST_START;
/** No frame has more in front of its lines. */
export const MAX_HEAD_BYTES = GZIP_HEAD.length + 2 + 0xffff;
const TRAILER_BYTES = 8;
const LINE_FEED = 0x0a;

/** DEFLATE looks back 32 KiB, so larger frames are hardly smaller; and one answer costs the unpacking of its frame. */
const FRAME_BYTES = 128 * 1024;
/** As many as an extra field has room for. */
const FRAME_LINES = Math.floor((0xffff - 4 - 12) / ENTRY_BYTES);
/** No frame unpacks to more: a damaged or malicious one must not eat the memory. */
const MAX_FRAME_BYTES = 256 * 1024 ** 2;

/** An answer on its way into a frame. */
export interface FrameLine {
  readonly key: AnswerKey;
  /** JSON, without its line feed. */
  readonly text: string;
}

/** What is known of a frame without unpacking it. */
interface FrameHead {
  /** Of the whole member in the file. */
  readonly length: number;
  /** Of its lines, unpacked. */
  readonly unpacked: number;
  /** `ENTRY_BYTES` for each line. */
  readonly entries: Buffer;
}

/** A line as the list of its frame has it. */
interface ListedLine {
  readonly key: AnswerKey;
  /** Bytes before it in the unpacked frame. */
  readonly offset: number;
  /** Bytes with its line feed. */
  readonly length: number;
}

/** Writes the entry of a line. */
export function writeEntry({ request, attempt }: AnswerKey, lineBytes: number, into: Buffer, at = 0): void {
  into.write(request, at, HASH_BYTES, 'hex');
  into.writeUInt32LE(attempt, at + HASH_BYTES);
  into.writeUInt32LE(lineBytes, at + HASH_BYTES + 4);
}

/** The lines of a frame by its list: whose they are, and where they stand in it unpacked. */
export function* listedLines(entries: Buffer): Generator<ListedLine> {
  let offset = 0;
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const request = entries.toString('hex', at, at + HASH_BYTES) as Sha256;
    const length = entries.readUInt32LE(at + HASH_BYTES + 4);
    yield { key: { request, attempt: entries.readUInt32LE(at + HASH_BYTES) }, offset, length };
    offset += length;
  }
}

/** Lines in the groups that become frames, in their order. */
export function frameGroups<Line extends FrameLine>(lines: readonly Line[]): readonly (readonly Line[])[] {
  const groups: Line[][] = [];
  let group: Line[] = [];
  let characters = 0;
  for (const line of lines) {
    if (fillsFrame(group.length, characters + line.text.length)) {
      groups.push(group);
      group = [];
      characters = 0;
    }
    group.push(line);
    characters += line.text.length;
  }
  return [...groups, group].filter((each) => each.length > 0);
}

/** Whether a frame with so many lines is full, if the next one makes it so many characters. */
export function fillsFrame(lines: number, characters: number): boolean {
  return lines >= FRAME_LINES || characters > FRAME_BYTES;
}

const deflate = promisify(deflateRaw);
const unzip = promisify(gunzip);

/** One frame of some lines, at most as many as `frameGroups` puts together. */
export async function packFrame(lines: readonly FrameLine[]): Promise<FrameHead & { readonly bytes: Buffer }> {
  const content = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
  const body = await deflate(content);
  const listEnd = LIST_START + lines.length * ENTRY_BYTES;
  const length = listEnd + body.length + TRAILER_BYTES;
  const bytes = Buffer.alloc(length);
  GZIP_HEAD.copy(bytes);
  bytes.writeUInt16LE(listEnd - GZIP_HEAD.length - 2, 10);
  bytes.write('SA', 12, 'latin1');
  bytes.writeUInt16LE(listEnd - 16, 14);
  bytes.writeUInt32LE(length, 20);
  bytes.writeUInt32LE(content.length, 24);
  let at = LIST_START;
  for (const { key, text } of lines) {
    writeEntry(key, Buffer.byteLength(text) + 1, bytes, at);
    at += ENTRY_BYTES;
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(20, listEnd)), 16);
  body.copy(bytes, listEnd);
  bytes.writeUInt32LE(crc32(content), length - TRAILER_BYTES);
  bytes.writeUInt32LE(content.length, length - 4);
  return { bytes, length, unpacked: content.length, entries: bytes.subarray(LIST_START, listEnd) };
}

/**
 * The frame that begins at `at`; the bytes that have to be there to tell, if there are fewer; or `undefined` when none begins there.
 */
export function readFrameHead(bytes: Buffer, at: number): FrameHead | { readonly needs: number } | undefined {
  const there = bytes.length - at;
  if (!bytes.subarray(at, at + GZIP_HEAD.length).equals(GZIP_HEAD.subarray(0, Math.min(there, GZIP_HEAD.length)))) {
    return undefined;
  }
  if (there < FRAME_START_BYTES) return { needs: FRAME_START_BYTES };
  const list = bytes.readUInt16LE(at + 14) - 12;
  const isOurs =
    isNamed(bytes, at) && bytes.readUInt16LE(at + 10) === list + 16 && list >= ENTRY_BYTES && list % ENTRY_BYTES === 0;
  if (!isOurs) return undefined;
  const listEnd = LIST_START + list;
  if (there < listEnd) return { needs: listEnd };
  if (bytes.readUInt32LE(at + 16) !== crc32(bytes.subarray(at + 20, at + listEnd))) return undefined;
  const length = bytes.readUInt32LE(at + 20);
  const unpacked = bytes.readUInt32LE(at + 24);
  if (length < listEnd + TRAILER_BYTES || unpacked > MAX_FRAME_BYTES) return undefined;
  return { length, unpacked, entries: bytes.subarray(at + LIST_START, at + listEnd) };
}

/** Whether the extra field is a frame's, and no other program's. */
function isNamed(bytes: Buffer, at: number): boolean {
  return bytes.toString('latin1', at + 12, at + 14) === 'SA';
}

/** Where the next frame may begin, from `from` on; -1 when none does in these bytes. */
export function findFrame(bytes: Buffer, from: number): number {
  return bytes.indexOf(GZIP_HEAD, from);
}

/** What `readFrameHead` gives, from the lines of one whole frame whose list cannot be read; `undefined` when they are damaged as well. */
export async function readBack(bytes: Buffer): Promise<FrameHead | undefined> {
  const trailer = bytes.length - TRAILER_BYTES;
  if (trailer < LIST_START || !isNamed(bytes, 0)) return undefined;
  const unpacked = bytes.readUInt32LE(bytes.length - 4);
  const content = unpacked > MAX_FRAME_BYTES ? undefined : await unpackFrame(bytes, unpacked);
  // Unpacking passes over some of what may stand behind a frame.
  if (content === undefined || bytes.readUInt32LE(trailer) !== crc32(content)) return undefined;
  const entries: Buffer[] = [];
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(LINE_FEED, start) + 1;
    const key = keyIn(content.subarray(start, end));
    if (end === 0 || key === undefined) return undefined;
    const entry = Buffer.alloc(ENTRY_BYTES);
    writeEntry(key, end - start, entry);
    entries.push(entry);
    start = end;
  }
  return { length: bytes.length, unpacked, entries: Buffer.concat(entries) };
}

/** The lines of a whole frame, or `undefined` when it is damaged. */
export async function unpackFrame(bytes: Buffer, unpacked: number): Promise<Buffer | undefined> {
  try {
    // Node stops a little beyond what is allowed, and checks the CRC.
    const content = await unzip(bytes, { maxOutputLength: Math.max(1, unpacked) });
    return content.length === unpacked ? content : undefined;
  } catch {
    return undefined;
  }
}
