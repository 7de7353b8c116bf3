import { basename, join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { Hub, HubRepo, RemoteFile } from '../../hub/hub.js';
import { type DataFile, localFile } from '../rows/data-file.js';
import { formatOf, KNOWN_ENDINGS } from '../rows/data-format.js';
import type { Source } from './source.js';

/** A file of a source. */
export interface SourceFile {
  readonly data: DataFile;
  /** Its name inside the source; free of where it lies on this machine. */
  readonly name: string;
}

export interface ReachedFrom {
  readonly hub: Hub;
  /** Where files of the Hub are downloaded to and checked; without it they are read there, piece by piece, and only as far as they are wanted. */
  readonly folder: string | undefined;
  readonly signal: AbortSignal;
}

/** A source's files, in order. Each is fetched when its turn comes. Throws `datasets/no-data-files` and the Hub's errors. */
export async function* sourceFiles(source: Source, from: ReachedFrom): AsyncGenerator<SourceFile> {
  if ('file' in source) {
    yield { data: await localFile(source.file), name: basename(source.file) };
    return;
  }
  const { hub, folder, signal } = from;
  const repo: HubRepo = { kind: 'dataset', name: source.hub };
  const commit = await hub.resolve(repo, source.revision, signal);
  const files = dataFiles(await hub.list(repo, commit, signal), source.path_prefix);
  if (files.length === 0) {
    const below = source.path_prefix === '' ? '' : ` below ${source.path_prefix}`;
    throw new SecpiError('datasets/no-data-files', `${source.hub} at ${commit} has no data files${below}`, {
      hint: `Look at the dataset's file list and set \`path_prefix\`. Read are ${KNOWN_ENDINGS}.`,
    });
  }
  for (const { path, bytes } of files) {
    const label = `${source.hub}/${path}`;
    if (folder === undefined) {
      const read: DataFile['read'] = (start, end) => hub.read(repo, commit, path, { start, end }, signal);
      yield { data: { name: path, label, bytes, read }, name: path };
    } else {
      const to = join(folder, commit, path);
      await hub.download(repo, commit, path, to, signal);
      yield { data: await localFile(to, label), name: path };
    }
  }
}

/** A dataset often holds the same rows in several formats: only one of them is read, Parquet before JSON Lines before JSON. */
function dataFiles(listed: readonly RemoteFile[], prefix: string): readonly RemoteFile[] {
  const found = listed
    .filter(({ path }) => path.startsWith(prefix))
    // Loading scripts' settings, not rows.
    .filter(({ path }) => !/(^|\/)(?:dataset_infos|config|package)\.json$/.test(path))
    .flatMap((file) => ({ file, rank: formatOf(file.path)?.rank ?? Number.POSITIVE_INFINITY }));
  const best = Math.min(...found.map(({ rank }) => rank));
  return found
    .filter(({ rank }) => rank === best && rank !== Number.POSITIVE_INFINITY)
    .map(({ file }) => file)
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}
