/** So many rows at a time are packed: `datasets` hands them to TRL's `pack_dataset` like that. */
const ROWS_AT_ONCE = 1000;

/** How many sequences of at most `room` tokens hold rows of these lengths, none of which is longer: best fit, longest first, as TRL packs. */
export function packedSequences(lengths: readonly number[], room: number): number {
  let sequences = 0;
  for (let from = 0; from < lengths.length; from += ROWS_AT_ONCE) {
    sequences += packedAtOnce(lengths.slice(from, from + ROWS_AT_ONCE), room);
  }
  return sequences;
}

function packedAtOnce(lengths: readonly number[], room: number): number {
  /** What is left of each sequence. */
  const left: number[] = [];
  for (const length of lengths.toSorted((one, other) => other - one)) {
    let best = -1;
    for (const [place, space] of left.entries()) {
      if (space >= length && (best === -1 || space < (left[best] ?? 0))) best = place;
    }
    if (best === -1) left.push(room - length);
    else left[best] = (left[best] ?? 0) - length;
  }
  return left.length;
}
