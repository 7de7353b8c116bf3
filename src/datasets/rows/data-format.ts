/** How rows stand in a file, in the order in which they are preferred where a dataset holds the same rows in several. */
const FORMATS = ['parquet', 'jsonl', 'ndjson', 'json'] as const;
/** How a file of text may be packed. */
const PACKINGS = ['gz', 'zst', 'zstd'] as const;

export interface DataFormat {
  readonly format: (typeof FORMATS)[number];
  readonly packing: (typeof PACKINGS)[number] | undefined;
  /** The least is preferred. */
  readonly rank: number;
}

/** For messages. */
export const KNOWN_ENDINGS = `${FORMATS.join(', ')}; all but parquet also with ${PACKINGS.slice(0, 2)
  .map((packing) => `.${packing}`)
  .join(' or ')} behind it`;

/** What a file's ending says; `undefined` when it is none that is read. */
export function formatOf(name: string): DataFormat | undefined {
  const [, ending = '', packed] =
    /\.([a-z]{1,10})(?:\.([a-z]{1,10}))?$/i.exec(name.toLowerCase().replace(/.*\//, '')) ?? [];
  const packing = PACKINGS.find((one) => one === packed);
  const written = packed === undefined || packing !== undefined ? ending : packed;
  const rank = (FORMATS as readonly string[]).indexOf(written);
  const format = FORMATS[rank];
  // Parquet packs its columns itself.
  if (format === undefined || (format === 'parquet' && packing !== undefined)) return undefined;
  return { format, packing, rank };
}
