import { hashOfText, mixed } from './mix.js';

/**
 * Chooses a share of the rows of a file by chance, which follows from the seed, the file and the row alone: rows that come or go elsewhere change
 * nothing for the others.
 */
export function sampler(share: number, seed: number, file: string): (row: number) => boolean {
  const start = mixed(hashOfText(file), seed);
  return (row) => mixed(start, row) < share * 2 ** 32;
}
