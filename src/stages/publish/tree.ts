import { SecpiError } from '../../base/errors.js';
import type { Sha256 } from '../../base/hash.js';
import type { ArtifactReader } from '../../engine/artifacts/artifact.js';
import { datasetRows } from './dataset-card.js';
import type { PublishInput } from './facts.js';
import type { PublishParams } from './params.js';

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
}

/**
 * The model's files: weights at the root, where `from_pretrained` looks (merged ones in `merged/` beside an adapter), card,
 * scores and report. The card in an adapter folder, which the trainer's library writes, gives way to ours.
 *
 * Throws `publish/no-weights` when the recipe asks for an adapter and training made none.
 */
export function modelTree({ params, inputs, modelCard }: TreeSources): readonly TreeFile[] {
  const { push } = params;
  const adapter = push.includes('adapter') ? weights(inputs.trained, 'adapter') : [];
  const merged = push.includes('merged') ? weights(inputs.trained, 'model') : [];
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
  return [datasetCard, fileOf(inputs.samples, 'samples.jsonl', datasetRows)];
}

/** The same files inside a folder. */
export function below(folder: string, files: readonly TreeFile[]): readonly TreeFile[] {
  return files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
}

function weights(trained: ArtifactReader, folder: 'adapter' | 'model'): readonly TreeFile[] {
  const prefix = `${folder}/`;
  const paths = trained.manifest.outputs.map(({ path }) => path).filter((path) => path.startsWith(prefix));
  if (paths.length === 0) {
    throw new SecpiError(
      'publish/no-weights',
      `training made no ${folder === 'adapter' ? 'adapter' : 'merged model'} to publish`,
      {
        hint: 'After `train.method: full` there is no adapter: publish `merged` instead (`publish.push: [merged, dataset, report]`).',
      },
    );
  }
  return paths
    .map((path) => fileOf(trained, path, path.slice(prefix.length)))
    .filter(({ path }) => path !== 'README.md');
}

function fileOf(artifact: ArtifactReader, name: string, path: string): TreeFile {
  const from = artifact.path(name);
  const listed = artifact.manifest.outputs.find((file) => file.path === name);
  if (listed === undefined) throw new TypeError(`${name} is a folder`);
  return { path, from, sha256: listed.sha256, bytes: listed.bytes };
}
