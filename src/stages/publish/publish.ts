import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { sha256File } from '../../base/hash.js';
import type { Input } from '../../compute/places/place.js';
import { defineStage } from '../../engine/stage.js';
import { gitBlobOid } from '../../hub/file-hash.js';
import type { HubRepo, RepoHead } from '../../hub/hub.js';
import { scoresSchema } from '../evaluate/records.js';
import type { HubService, SecpiStage, StageContextOf, StageServices } from '../services.js';
import { onEvent } from '../trainer-events.js';
import { datasetCard } from './dataset-card.js';
import { gatherFacts, type PublishInput } from './facts.js';
import { folderProblem, publishToFolder } from './folder.js';
import { checkGates } from './gates.js';
import { modelCard } from './model-card.js';
import { type PublishParams, publishParams, publishProblem } from './params.js';
import { type Destination, type Published, type PublishedFile, publishedSchema } from './records.js';
import { below, datasetTree, mergedFiles, modelTree, type TreeFile } from './tree.js';

export { publishParams };

type Context = StageContextOf<PublishParams, PublishInput>;

/** Puts model, data, report and cards where others can use them, if the gates allow it. Done twice it changes nothing. */
export const publish: SecpiStage<PublishParams, PublishInput> = defineStage<PublishParams, PublishInput, StageServices>(
  {
    name: 'publish',
    version: 2,
    params: publishParams,
    inputs: ['samples', 'trained', 'scores', 'report'],
    seeded: false,
    occupies: ({ on }, services) => (on === undefined ? [] : [services.machineOf(on)]),

    async stale({ params, services, artifact, files, signal }) {
      const { destinations } = await artifact.json('published.json', publishedSchema);
      for (const wanted of destinationsOf(params)) {
        const published = destinations.find((one) => nameOf(one) === nameOf(wanted));
        if (published === undefined) return `${nameOf(wanted)} was not published to yet`;
        const problem =
          published.kind === 'folder'
            ? await folderProblem(params.folder ?? '', published.files, (path) => files.file(path))
            : await hubProblem(published, services.hub, signal);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },

    async run(context) {
      const { params, inputs, output, services, signal, emit } = context;
      const problem = publishProblem(params);
      if (problem !== undefined) throw new SecpiError('publish/nowhere', `publish: ${problem}`, { exitCode: 2 });
      checkGates(params.gates, await inputs.scores.json('scores.json', scoresSchema));
      const facts = await gatherFacts(params, inputs);
      const sources = {
        params,
        inputs,
        modelCard: await writeCard(context, 'cards/model.md', modelCard(facts)),
        datasetCard: await writeCard(context, 'cards/dataset.md', datasetCard(facts)),
        pathHere: (folder: Input) =>
          services.pathHere(folder, {
            signal,
            onNote: (message) => emit({ type: 'log', level: 'info', message }),
          }),
      };
      const wanted = destinationsOf(params);
      // What a host uploads itself is not brought here, unless a folder here wants it.
      const lean = params.on !== undefined && params.folder === undefined;
      const model = await modelTree(lean ? { ...sources, params: withoutMerged(params) } : sources);
      const dataset = params.push.includes('dataset') ? datasetTree(sources) : [];
      const message = `Publish ${facts.report.recipe}`;

      const destinations: Destination[] = [];
      for (const one of wanted) {
        if (one.kind === 'folder') {
          destinations.push(await toFolder(context, [...model, ...below('dataset', dataset)]));
        } else if (one.repo === 'dataset') {
          destinations.push(await toHub(context, { kind: 'dataset', name: one.name }, dataset, message));
        } else {
          const own =
            params.on === undefined || lean ? model : await modelTree({ ...sources, params: withoutMerged(params) });
          const files = params.dataset_repo === undefined ? [...own, ...below('dataset', dataset)] : own;
          const destination = await toHub(context, { kind: 'model', name: one.name }, files, message);
          destinations.push(
            params.on === undefined ? destination : await weightsFrom(context, params.on, destination, message),
          );
        }
      }
      await output.json('published.json', { schema: 1, destinations } satisfies Published);
      const files = destinations.flatMap((destination) => destination.files);
      return {
        counts: {
          destinations: destinations.length,
          files: files.length,
          bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        },
      };
    },
  },
);

type Wanted =
  | { readonly kind: 'folder' }
  | { readonly kind: 'hub'; readonly repo: HubRepo['kind']; readonly name: string };

/** Where the recipe wants things, in the order they go there: the model card links the dataset, so that goes first. */
function destinationsOf({ folder, dataset_repo, repo }: PublishParams): readonly Wanted[] {
  return [
    ...(folder === undefined ? [] : [{ kind: 'folder' } as const]),
    ...(dataset_repo === undefined ? [] : [{ kind: 'hub', repo: 'dataset', name: dataset_repo } as const]),
    ...(repo === undefined ? [] : [{ kind: 'hub', repo: 'model', name: repo } as const]),
  ];
}

function nameOf(destination: Wanted | Destination): string {
  return destination.kind === 'folder' ? 'the folder' : `${destination.repo} ${destination.name}`;
}

async function writeCard({ output, signal }: Context, name: string, text: string): Promise<TreeFile> {
  await output.text(name, text);
  const from = output.path(name);
  return { path: 'README.md', from, sha256: await sha256File(from, signal), bytes: (await stat(from)).size };
}

async function toFolder({ params, signal, emit }: Context, files: readonly TreeFile[]): Promise<Destination> {
  const { written, unchanged, removed, kept } = await publishToFolder(params.folder ?? '', files, signal);
  const gone = removed.length === 0 ? '' : `, removed ${removed.length} of an earlier publish`;
  const message = `wrote ${written.length} files, ${unchanged.length} were there${gone}`;
  emit({ type: 'log', level: 'info', message });
  for (const path of kept) {
    emit({ type: 'log', level: 'warn', message: `${path} is of an earlier publish, but was changed since: it stays` });
  }
  return { kind: 'folder', name: null, commit: null, files: files.map(listed) };
}

async function toHub(
  { params, services, signal, emit }: Context,
  repo: HubRepo,
  files: readonly TreeFile[],
  message: string,
): Promise<Destination> {
  const outcome = await services.hub.push(
    {
      repo,
      private: params.private,
      files: files.map(({ path, from }) => ({ path, from })),
      message,
      onProgress: (path, share) =>
        emit({ type: 'progress', done: Math.round(share * 100), total: 100, unit: '%', note: `${repo.name}: ${path}` }),
    },
    signal,
  );
  const { commit, uploaded, unchanged, bytes } = outcome;
  const told = `uploaded ${uploaded.length} files (${bytes} bytes) to ${repo.kind} ${repo.name}, ${unchanged.length} were there`;
  emit({ type: 'log', level: 'info', message: `${told}; commit ${commit}` });
  const withIds = [];
  for (const file of files) withIds.push({ ...listed(file), git_oid: await gitBlobOid(file.from, signal) });
  return { kind: 'hub', repo: repo.kind, name: repo.name, commit, files: withIds };
}

function withoutMerged(params: PublishParams): PublishParams {
  return { ...params, push: params.push.filter((name) => name !== 'merged') };
}

/**
 * Lets a target upload the merged weights, in a commit of their own behind that of card and report: who may read the repository is known by
 * then, and what a broken upload leaves is a card without weights, not weights without a card.
 */
async function weightsFrom(
  { params, inputs, work, services, signal, emit }: Context,
  target: string,
  destination: Destination,
  message: string,
): Promise<Destination> {
  if (destination.kind !== 'hub') return destination;
  const { prefix, files } = mergedFiles({ params, inputs });
  const { results } = await services.target(target).runTrainer(
    {
      commands: [
        {
          command: 'push',
          fields: {
            folder: '{in:model}',
            hub: services.hub.url,
            repo: destination.name,
            prefix,
            files: Object.fromEntries(files.map(({ path, sha256 }) => [path.slice(prefix.length), sha256])),
            message: `${message}: weights`,
          },
        },
      ],
      inputs: { model: inputs.trained.where('model') },
      outputs: [],
      folder: work.path('upload'),
    },
    { signal, onEvent: onEvent(emit) },
  );
  const { commit, git_oids } = pushedSchema.parse(results.push?.facts);
  const pushed = files.map((file) => ({ ...file, git_oid: oidOf(file.path, git_oids) }));
  return { ...destination, commit, files: [...destination.files, ...pushed] };
}

/** Whoever uploads lists the folder itself: what is to be published has to be in it. */
function oidOf(path: string, oids: Readonly<Record<string, string>>): string {
  const oid = oids[path];
  if (oid !== undefined) return oid;
  throw new SecpiError(
    'publish/not-uploaded',
    `${path} is part of the model and was not found where it was uploaded from`,
    {
      hint: 'Run again with `--force train`: the model on that machine is not whole.',
    },
  );
}

const pushedSchema = z.looseObject({ commit: z.string(), git_oids: z.record(z.string(), z.string()) });

function listed({ path, sha256, bytes }: TreeFile): PublishedFile {
  return { path, sha256, bytes };
}

/** Failures that say nothing about what the repository holds: then what was published is taken to be there still. */
const unknowable = [
  'hub/unreachable',
  'hub/unavailable',
  'hub/rate-limited',
  'hub/no-token',
  'hub/unauthorised',
  'hub/forbidden',
];

async function hubProblem(
  published: Extract<Destination, { kind: 'hub' }>,
  hub: HubService,
  signal: AbortSignal,
): Promise<string | undefined> {
  let head: RepoHead | undefined;
  try {
    head = await hub.head({ kind: published.repo, name: published.name }, signal);
  } catch (error) {
    if (error instanceof SecpiError && unknowable.includes(error.code)) return undefined;
    throw error;
  }
  if (head === undefined) return `${nameOf(published)} is not on the Hub any more`;
  if (head.commit === published.commit) return undefined;
  const there = new Map(head.files.map((file) => [file.path, file]));
  for (const { path, bytes, sha256, git_oid } of published.files) {
    const file = there.get(path);
    const same = file?.bytes === bytes && (file.sha256 === null ? file.git_oid === git_oid : file.sha256 === sha256);
    if (!same)
      return `${path} on ${nameOf(published)} is ${file === undefined ? 'not there' : 'not what was published'}`;
  }
  return undefined;
}
