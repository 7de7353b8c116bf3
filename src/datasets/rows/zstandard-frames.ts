/** As much as `zstd` itself grants unless it is told otherwise (RFC 8878 asks for 8 MiB at least). Only `--long=28` and more go beyond. */
export const LARGEST_WINDOW = 128 * 1024 * 1024;

const MAGIC = 0xfd2f_b528;
/** Sixteen magic numbers of frames that hold something else: all but the last four bits are this. */
const SKIPPABLE = 0x184d_2a50;
/** Bytes of the fields that a frame's descriptor tells of: its dictionary's id, and the size of its content. */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_BYTES = [0, 2, 4, 8] as const;
const CHECKSUM_BYTES = 4;

/**
 * Follows packed bytes from frame to frame (RFC 8878, 3.1), to know how much memory each will want before anybody sets it aside: the unpacker
 * gives whatever a header of six bytes asks for, up to 2 GiB. What is no frame is left to the unpacker to complain of.
 */
export class ZstandardFrames {
  #header: number[] = [];
  #isInFrame = false;
  #hasChecksum = false;
  /** Bytes that say nothing about frames. */
  #skip = 0;

  /** The next bytes. @returns the largest window that a frame which begins in them wants, in bytes; 0 when none begins. */
  follow(piece: Uint8Array): number {
    let largest = 0;
    for (let at = 0; at < piece.length; ) {
      const skipped = Math.min(this.#skip, piece.length - at);
      this.#skip -= skipped;
      at += skipped;
      const byte = piece[at];
      if (byte === undefined) break;
      at += 1;
      this.#header.push(byte);
      if (this.#isInFrame) this.#block();
      else largest = Math.max(largest, this.#frame());
    }
    return largest;
  }

  #block(): void {
    if (this.#header.length < 3) return;
    const header = this.#number(0, 3);
    const isLast = (header & 1) === 1;
    // A block of one byte that is repeated is that byte.
    this.#skip = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
    if (isLast && this.#hasChecksum) this.#skip += CHECKSUM_BYTES;
    this.#isInFrame = !isLast;
    this.#header = [];
  }

  #frame(): number {
    if (this.#header.length < 5) return 0;
    const magic = this.#number(0, 4);
    if (magic !== MAGIC) {
      if (magic - (magic % 16) !== SKIPPABLE) this.#skip = Number.POSITIVE_INFINITY;
      else if (this.#header.length < 8) return 0;
      else this.#skip = this.#number(4, 4);
      this.#header = [];
      return 0;
    }
    const descriptor = this.#number(4, 1);
    const isOneSegment = (descriptor & 32) !== 0;
    const afterWindow = isOneSegment ? 5 : 6;
    const contentAt = afterWindow + (DICTIONARY_BYTES[descriptor & 3] ?? 0);
    const contentBytes = descriptor >> 6 === 0 && isOneSegment ? 1 : (CONTENT_BYTES[descriptor >> 6] ?? 0);
    if (this.#header.length < contentAt + contentBytes) return 0;
    const window = isOneSegment ? this.#number(contentAt, contentBytes) : windowOf(this.#number(5, 1));
    this.#isInFrame = true;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#header = [];
    return window;
  }

  /** A number of the header, least byte first. */
  #number(at: number, bytes: number): number {
    return this.#header.slice(at, at + bytes).reduceRight((number, byte) => number * 256 + byte, 0);
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
