import * as z from 'zod';
import { operational } from '../../engine/operational.js';
import { outputPath } from '../../recipe/field.js';
import { gatesSchema } from './gate-params.js';

const repoName = z.string().regex(/^\w[\w.-]*\/\w[\w.-]*$/, 'must look like owner/name');

/** The recipe's part. Gates stand under `evaluate` there; the pipeline hands them on. */
export const publishParams = z.strictObject({
  /** A folder here. Where it lies decides nothing about what is in it; files that others put there stay. */
  folder: operational(outputPath()).optional(),
  /** A model repository on the Hugging Face Hub; made if it does not exist. */
  repo: repoName.optional(),
  /** A dataset repository for the samples. Without one they go to `dataset/` in the model repository. */
  dataset_repo: repoName.optional(),
  /**
   * Where merged weights are uploaded to `repo` from: a name under `compute`, best where `train.keep: there` has left them. That target needs
   * `secrets: [HF_TOKEN]`. Without it they are brought here first.
   */
  on: operational(z.string().optional()),
  /** Visibility of repositories that are made; with `true` nothing is pushed to an existing public one. */
  private: z.boolean().default(true),
  push: z
    .array(z.enum(['adapter', 'merged', 'dataset', 'report']))
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'names something twice')
    .default(['adapter', 'dataset', 'report']),
  /** Licence of the model as the Hub abbreviates it (`apache-2.0`). It must fit those of base model and data. */
  licence: z.string().min(1).optional(),
  gates: gatesSchema.prefault({}),
});
export type PublishParams = z.infer<typeof publishParams>;

/** Why this cannot be published, or `undefined`: what the schema of single fields cannot see. */
export function publishProblem(params: Omit<PublishParams, 'gates'>): string | undefined {
  const { folder, repo, dataset_repo, push, on } = params;
  if (folder === undefined && repo === undefined && dataset_repo === undefined) {
    return 'name a `folder`, a `repo` or a `dataset_repo` to publish to';
  }
  if (dataset_repo !== undefined && !push.includes('dataset')) {
    return '`dataset_repo` is given, but `push` does not name `dataset`';
  }
  if (on !== undefined && (repo === undefined || !push.includes('merged'))) {
    return '`on` says where merged weights are uploaded from: give `repo`, and name `merged` under `push`';
  }
  return undefined;
}
