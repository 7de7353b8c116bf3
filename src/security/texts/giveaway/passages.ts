/** Sentences that are looked at together: what gives a hint away may lean on the sentence before it. */
const TOGETHER = 2;
/** Characters of a passage that are looked at: a line without an end is no sentence. */
const LONGEST = 600;

const CODE_BLOCK = /```[\s\S]*?(?:```|$)/g;
const SENTENCE_END = /(?<=[.!?:;]["')\]]{0,2})\s+/;

/** The text in passages of two sentences, each sentence being in two of them; code blocks are left out. */
export function* passagesOf(text: string): Generator<string> {
  const sentences = text
    .replace(CODE_BLOCK, '\n')
    .split('\n')
    .flatMap((line) => line.split(SENTENCE_END))
    .map((sentence) => sentence.trim().slice(0, LONGEST))
    .filter((sentence) => sentence !== '');
  for (let at = 0; at < Math.max(1, sentences.length - TOGETHER + 1) && sentences.length > 0; at += 1)
    yield sentences.slice(at, at + TOGETHER).join(' ');
}
