import { END_BLOCK, packBlock, TEXT_BYTES } from './block.js';

/** Makes packed bytes of a text that comes piece by piece; what they are depends on the text alone. */
export class Packer {
  #text: Buffer = Buffer.alloc(0);

  /** What is to be written now, which may be nothing. */
  add(text: string): Buffer {
    const all = Buffer.concat([this.#text, Buffer.from(text)]);
    const blocks: Buffer[] = [];
    let at = 0;
    for (; all.length - at > TEXT_BYTES; at += TEXT_BYTES) blocks.push(packBlock(all.subarray(at, at + TEXT_BYTES)));
    this.#text = all.subarray(at);
    return Buffer.concat(blocks);
  }

  /** What is to be written last. */
  end(): Buffer {
    return this.#text.length === 0 ? END_BLOCK : Buffer.concat([packBlock(this.#text), END_BLOCK]);
  }
}
