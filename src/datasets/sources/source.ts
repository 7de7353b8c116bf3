import { basename } from 'node:path';
import * as z from 'zod';
import type { Json } from '../../base/json.js';
import { operational } from '../../engine/operational.js';
import type { PinnedFiles } from '../../engine/stage.js';
import type { Hub } from '../../hub/hub.js';
import { inputPath } from '../../recipe/field.js';
import { columnMapSchema } from '../columns/column-map.js';
import { localFile } from '../rows/data-file.js';

/** What all sources have: which columns, which rows, and a name. */
const rowsSchema = columnMapSchema.extend({
  /** Share of the rows, chosen by chance from the recipe's seed. */
  sample: z.number().gt(0).lt(1).optional(),
  /** At most so many rows from the beginning, after `sample`. Of a dataset on the Hub no more is fetched than they need. */
  limit: z.int().positive().optional(),
  name: z.string().min(1).optional(),
});

const fileSchema = rowsSchema.extend({
  /** JSON, JSON Lines (also as `.gz` or `.zst`) or Parquet. Its content enters the fingerprint, its path does not. */
  file: operational(inputPath()),
});

const hubSchema = rowsSchema.extend({
  /** `owner/name` of a dataset on the Hugging Face Hub. */
  hub: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must look like owner/name'),
  /** Branch, tag or commit; pinned to a commit when the run starts. */
  revision: z.string().default('main'),
  /** Only files whose path begins with this, e.g. `data/train`. Default: all data files of one format. */
  path_prefix: z.string().default(''),
});

/** Where tasks come from: a file here, or a dataset on the Hub. */
export const sourceSchema = z.union([fileSchema, hubSchema]);

const answered = z.object({
  /** Column of the reasoning. Without it the answer begins with that, as `<think>…</think>` or in the marks of OpenThoughts, Seed-OSS or Magistral. */
  reasoning: z.string().min(1).optional(),
});

/** The same of tasks that come with reasoning and an answer. */
export const answeredSourceSchema = z.union([fileSchema.extend(answered.shape), hubSchema.extend(answered.shape)]);

/** Either of them. */
export type Source = z.infer<typeof sourceSchema> & z.infer<typeof answered>;

/** The name that a source's rows carry. */
export function sourceName(source: Source): string {
  if (source.name !== undefined) return source.name;
  return 'file' in source ? basename(source.file) : source.hub;
}

/** What decides the bytes of sources, in their order: a file's hash, a dataset's commit. Throws `datasets/not-a-file`. */
export async function pinSources(
  sources: readonly Source[],
  { hub, files, signal }: { readonly hub: Hub; readonly files: PinnedFiles; readonly signal: AbortSignal },
): Promise<Json[]> {
  const pins: Json[] = [];
  for (const source of sources) {
    // A pipe would be waited for without end.
    if ('file' in source) await localFile(source.file);
    const pin =
      'file' in source
        ? { sha256: await files.file(source.file) }
        : { commit: await hub.resolve({ kind: 'dataset', name: source.hub }, source.revision, signal) };
    pins.push({ name: sourceName(source), ...pin });
  }
  return pins;
}
