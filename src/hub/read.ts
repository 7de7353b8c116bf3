import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import * as z from 'zod';
import { SecpiError } from '../base/errors.js';
import { dataProblem } from '../base/zod-message.js';
import type { HubRepo, RemoteFile, RepoHead } from './hub.js';
import { designation, type HubClient } from './hub-client.js';

const infoSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/), private: z.boolean() });

/** What the Hub lists is untrusted: a path that leaves its folder would be written wherever it points. */
const pathSchema = z
  .string()
  .refine(
    (path) => !/[\\\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'not a path inside a folder',
  );
const fileSchema = z.object({
  type: z.literal('file'),
  path: pathSchema,
  size: z.int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).optional(),
});

/** Commit and visibility that a revision has right now. */
export async function readInfo(
  client: HubClient,
  repo: HubRepo,
  revision: string,
  signal: AbortSignal,
): Promise<{ readonly commit: string; readonly private: boolean }> {
  return client.call({ verb: `look up "${revision}" of`, repo, writes: false }, signal, async (params) => {
    const asked = { ...params, name: repo.name, revision };
    const info =
      repo.kind === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha'] });
    const read = infoSchema.safeParse(info);
    if (!read.success) throw badAnswer(repo, read.error);
    return { commit: read.data.sha, private: read.data.private };
  });
}

/** All files of a commit. */
export async function readTree(
  client: HubClient,
  repo: HubRepo,
  commit: string,
  signal: AbortSignal,
): Promise<readonly RemoteFile[]> {
  return client.call({ verb: 'list the files of', repo, writes: false }, signal, async (params) => {
    const files: RemoteFile[] = [];
    for await (const entry of listFiles({ ...params, repo: designation(repo), revision: commit, recursive: true })) {
      if (entry.type === 'directory') continue;
      const read = fileSchema.safeParse(entry);
      if (!read.success) throw badAnswer(repo, read.error);
      const { path, size, oid, lfs } = read.data;
      files.push({ path, bytes: lfs?.size ?? size, git_oid: oid, sha256: lfs?.oid ?? null });
    }
    return files;
  });
}

/** The state of `main`, or `undefined` when there is no such repository. */
export async function readHead(client: HubClient, repo: HubRepo, signal: AbortSignal): Promise<RepoHead | undefined> {
  try {
    const info = await readInfo(client, repo, 'main', signal);
    return { ...info, files: await readTree(client, repo, info.commit, signal) };
  } catch (error) {
    if (error instanceof SecpiError && error.code === 'hub/not-found') return undefined;
    throw error;
  }
}

function badAnswer(repo: HubRepo, error: unknown): SecpiError {
  return new SecpiError(
    'hub/bad-answer',
    `the Hub's answer about ${repo.kind} ${repo.name} is not what secpi expects: ${dataProblem(error)}`,
    { hint: 'If the address of the Hub was changed (`HF_ENDPOINT`), check that it speaks the Hub protocol.' },
  );
}
