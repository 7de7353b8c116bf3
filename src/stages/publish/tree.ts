import { join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { Sha256 } from '../../base/hash.js';
import type { Input } from '../../compute/places/place.js';
import type { ArtifactReader } from '../../engine/artifacts/artifact.js';
import { SAMPLES } from '../curate/records.js';
import { datasetRows } from './dataset-card.js';
import type { PublishInput } from './facts.js';
import type { PublishParams } from './params.js';

/** A card that a library has put beside weights: ours goes there. */
const OTHER_CARD = 'README.md';

/** A file to publish: its place in the destination, and where its bytes are now. */
export interface TreeFile {
  readonly path: string;
  readonly from: string;
  readonly sha256: Sha256;
  readonly bytes: number;
}

export interface TreeSources {
  readonly params: PublishParams;
  readonly inputs: Readonly<Record<PublishInput, ArtifactReader>>;
  readonly modelCard: TreeFile;
  readonly datasetCard: TreeFile;
  /** The path here of a folder of an artifact. */
  readonly pathHere: (folder: Input) => Promise<string>;
}

/**
 * The model's files: weights at the root, where `from_pretrained` looks (merged ones in `merged/` beside an adapter), card,
 * scores and report. The card in an adapter folder, which the trainer's library writes, gives way to ours.
 *
 * Throws `publish/no-weights` when the recipe asks for an adapter and training made none.
 */
export async function modelTree({ params, inputs, modelCard, pathHere }: TreeSources): Promise<readonly TreeFile[]> {
  const { push } = params;
  const adapter = push.includes('adapter') ? await weights(inputs.trained, 'adapter', pathHere) : [];
  const merged = push.includes('merged') ? await weights(inputs.trained, 'model', pathHere) : [];
  return [
    modelCard,
    ...adapter,
    ...(adapter.length === 0 ? merged : merged.map((file) => ({ ...file, path: `merged/${file.path}` }))),
    ...(push.includes('report')
      ? [fileOf(inputs.report, 'report.html', 'report.html'), fileOf(inputs.scores, 'scores.json', 'scores.json')]
      : []),
  ];
}

/** The samples with their card. */
export function datasetTree({ inputs, datasetCard }: TreeSources): readonly TreeFile[] {
  return [datasetCard, fileOf(inputs.samples, SAMPLES, datasetRows)];
}

/** The same files inside a folder. */
export function below(folder: string, files: readonly TreeFile[]): readonly TreeFile[] {
  return files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
}

/** Where merged weights go in a repository, and what they are. */
export function mergedFiles({ params, inputs }: Pick<TreeSources, 'params' | 'inputs'>) {
  const prefix = params.push.includes('adapter') ? 'merged/' : '';
  const files = filesOf(inputs.trained, 'model').map(({ path, ...file }) => ({ ...file, path: `${prefix}${path}` }));
  return { prefix, files };
}

async function weights(
  trained: ArtifactReader,
  folder: 'adapter' | 'model',
  pathHere: TreeSources['pathHere'],
): Promise<readonly TreeFile[]> {
  const files = filesOf(trained, folder);
  const here = await pathHere(trained.where(folder));
  return files.map((file) => ({ ...file, from: join(here, file.path) }));
}

/** Of an adapter or a model, all but the card that a library has written. */
function filesOf(trained: ArtifactReader, folder: 'adapter' | 'model') {
  const prefix = `${folder}/`;
  const files = trained.manifest.outputs.filter(({ path }) => path.startsWith(prefix));
  if (files.length === 0) {
    throw new SecpiError(
      'publish/no-weights',
      `training made no ${folder === 'adapter' ? 'adapter' : 'merged model'} to publish`,
      {
        hint: 'After `train.method: full` there is no adapter: publish `merged` instead (`publish.push: [merged, dataset, report]`).',
      },
    );
  }
  return files
    .map(({ path, sha256, bytes }) => ({ path: path.slice(prefix.length), sha256, bytes }))
    .filter(({ path }) => path !== OTHER_CARD);
}

function fileOf(artifact: ArtifactReader, name: string, path: string): TreeFile {
  const from = artifact.path(name);
  const listed = artifact.manifest.outputs.find((file) => file.path === name);
  if (listed === undefined) throw new TypeError(`${name} is a folder`);
  return { path, from, sha256: listed.sha256, bytes: listed.bytes };
}
