import { inflateSync } from 'node:zlib';

/**
 * The text that a pickle holds which holds nothing else. It is read, not executed: what else a pickle could do does not happen.
 * @throws Error for any other pickle.
 */
export function pickledText(pickle: Buffer): string {
  let at = 0;
  for (;;) {
    const code = pickle[at];
    // Protocol, and frames of protocol 4.
    if (code === 0x80) at += 2;
    else if (code === 0x95) at += 9;
    else if (code === 0x58) return text(at + 5, pickle.readUInt32LE(at + 1));
    else if (code === 0x8c) return text(at + 2, pickle.readUInt8(at + 1));
    else if (code === 0x8d) return text(at + 9, Number(pickle.readBigUInt64LE(at + 1)));
    else throw new Error('not the pickle of a text');
  }

  function text(from: number, length: number): string {
    if (from + length > pickle.length) throw new Error('a pickle that was cut off');
    return pickle.toString('utf8', from, from + length);
  }
}

/** Tests that nobody is to come across: JSON, or JSON that was pickled, deflated and written as base64. */
export function hiddenText(field: string): string {
  if (field.trimStart().startsWith('[')) return field;
  return pickledText(inflateSync(Buffer.from(field, 'base64')));
}
