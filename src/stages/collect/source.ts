import { basename, join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { columnMapSchema } from '../../datasets/column-map.js';
import { rowFileEndings } from '../../datasets/row-file.js';
import { operational } from '../../engine/operational.js';
import type { PinContext } from '../../engine/stage.js';
import { inputPath } from '../../recipe/field.js';
import type { StageServices } from '../services.js';

/** Where tasks come from: a file here, or a dataset on the Hub. */
export const sourceSchema = z.union([
  columnMapSchema.extend({
    /** JSON, JSON Lines or Parquet. Its content enters the fingerprint, its path does not. */
    file: operational(inputPath()),
    name: z.string().min(1).optional(),
  }),
  columnMapSchema.extend({
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

/** A file of a source. */
export interface SourceFile {
  readonly path: string;
  /** Names it in messages: its path here, or `owner/name/file` on the Hub. */
  readonly label: string;
  /** Its name inside the source; free of where it lies on this machine. */
  readonly name: string;
}

/** A source's files, in order; files of the Hub are downloaded into `folder` unless they are there. */
export async function sourceFiles(
  source: Source,
  folder: string,
  services: StageServices,
  signal: AbortSignal,
): Promise<readonly SourceFile[]> {
  if ('file' in source) return [{ path: source.file, label: source.file, name: basename(source.file) }];
  const repo = { kind: 'dataset', name: source.hub } as const;
  const commit = await services.hub.resolve(repo, source.revision, signal);
  const files = dataFiles(await services.hub.list(repo, commit, signal), source.path_prefix);
  if (files.length === 0) {
    throw new SecpiError(
      'collect/no-data-files',
      `${source.hub} at ${commit} has no ${rowFileEndings.join(', ')} files${source.path_prefix === '' ? '' : ` below ${source.path_prefix}`}`,
      {
        hint: "Look at the dataset's file list and set `path_prefix`.",
      },
    );
  }
  const found: SourceFile[] = [];
  for (const file of files) {
    const path = join(folder, commit, file);
    await services.hub.download(repo, commit, file, path, signal);
    found.push({ path, label: `${source.hub}/${file}`, name: file });
  }
  return found;
}

/** A dataset often holds the same rows in several formats: only one of them is read, Parquet before JSON Lines before JSON. */
function dataFiles(listed: readonly { readonly path: string }[], prefix: string): readonly string[] {
  const paths = listed
    .map(({ path }) => path)
    .filter((path) => path.startsWith(prefix))
    .sort();
  for (const ending of ['.parquet', '.jsonl', '.ndjson', '.json']) {
    // Loading scripts' settings, not rows.
    const found = paths.filter(
      (path) => path.endsWith(ending) && !/(^|\/)(?:dataset_infos|config|package)\.json$/.test(path),
    );
    if (found.length > 0) return found;
  }
  return [];
}
