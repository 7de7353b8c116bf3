import { basename } from 'node:path';
import * as z from 'zod';
import type { Json } from '../../base/json.js';
import { columnMapSchema } from '../../datasets/columns/column-map.js';
import { operational } from '../../engine/operational.js';
import type { PinContext } from '../../engine/stage.js';
import { inputPath } from '../../recipe/field.js';
import type { StageServices } from '../services.js';

/** What all sources have: which columns, and which rows. */
const rowsSchema = columnMapSchema.extend({
  /** Share of the rows, chosen by chance from the recipe's seed. */
  sample: z.number().gt(0).lt(1).optional(),
  /** At most so many rows from the beginning, after `sample`. Of a dataset on the Hub no more is fetched than they need. */
  limit: z.int().positive().optional(),
});

/** Where tasks come from: a file here, or a dataset on the Hub. */
export const sourceSchema = z.union([
  rowsSchema.extend({
    /** JSON, JSON Lines (also as `.gz` or `.zst`) or Parquet. Its content enters the fingerprint, its path does not. */
    file: operational(inputPath()),
    name: z.string().min(1).optional(),
  }),
  rowsSchema.extend({
    /** `owner/name` of a dataset on the Hugging Face Hub. */
    hub: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must look like owner/name'),
    /** Branch, tag or commit; pinned to a commit when the run starts. */
    revision: z.string().default('main'),
    /** Only files whose path begins with this, e.g. `data/train`. Default: all data files of one format. */
    path_prefix: z.string().default(''),
    name: z.string().min(1).optional(),
  }),
]);
export type Source = z.infer<typeof sourceSchema>;

/** The name that a source's rows carry. */
export function sourceName(source: Source): string {
  if (source.name !== undefined) return source.name;
  return 'file' in source ? basename(source.file) : source.hub;
}

/** What decides a source's bytes: a file's hash, a dataset's commit. */
export async function pinSource(
  source: Source,
  { services, files, signal }: Pick<PinContext<unknown, StageServices>, 'services' | 'files' | 'signal'>,
): Promise<Json> {
  if ('file' in source) return { name: sourceName(source), sha256: await files.file(source.file) };
  return {
    name: sourceName(source),
    commit: await services.hub.resolve({ kind: 'dataset', name: source.hub }, source.revision, signal),
  };
}
