/** 32 bits of a text: FNV-1a over its UTF-16 units. Quick, and no secret. */
export function hashOfText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  return hash >>> 0;
}

/** 32 bits of two numbers, in this order: the last step of MurmurHash3 (public domain), which spreads every bit over all others. */
export function mixed(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e37_79b1) ^ right;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
