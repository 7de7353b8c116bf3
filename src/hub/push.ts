import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { commitIter, createRepo, HubApiError } from '@huggingface/hub';
import { SecpiError } from '../base/errors.js';
import { holdsContentOf } from './file-hash.js';
import type { PushOutcome, PushRequest, RepoHead } from './hub.js';
import { designation, type HubClient } from './hub-client.js';
import { readHead } from './read.js';

type Files = PushRequest['files'];

/** See `Hub.push`. */
export async function push(client: HubClient, request: PushRequest, signal: AbortSignal): Promise<PushOutcome> {
  const head = await openRepo(client, request, signal);
  const { different, unchanged } = await compare(request.files, head, signal);
  if (different.length === 0) return { commit: head.commit, uploaded: [], unchanged, bytes: 0 };
  const bytes = await totalBytes(different);
  const uploaded = different.map(({ path }) => path);
  try {
    return { commit: await commitFiles(client, request, different, head.commit, signal), uploaded, unchanged, bytes };
  } catch (error) {
    if (!(error instanceof SecpiError && error.code === 'hub/changed-meanwhile')) throw error;
    // It may be our own commit whose answer got lost on the way: then everything is there.
    const now = await readHead(client, request.repo, signal);
    if (now === undefined || (await compare(request.files, now, signal)).different.length > 0) throw error;
    return { commit: now.commit, uploaded, unchanged, bytes };
  }
}

/** The repository as it stands; it is created when there is none. */
async function openRepo(client: HubClient, request: PushRequest, signal: AbortSignal): Promise<RepoHead> {
  const { repo } = request;
  // Asked for first: without a token a private repository looks like none.
  await client.call({ verb: 'push to', repo, writes: true }, signal, async () => undefined);
  const existing = await readHead(client, repo, signal);
  const head = existing ?? (await createAndRead(client, request, signal));
  if (request.private && !head.private) {
    throw new SecpiError(
      'hub/repo-is-public',
      `${repo.kind} ${repo.name} is public, and this push is meant to be private`,
      {
        hint: 'Make the repository private in its settings, or set `publish.private: false`.',
      },
    );
  }
  return head;
}

async function createAndRead(client: HubClient, request: PushRequest, signal: AbortSignal): Promise<RepoHead> {
  const { repo } = request;
  await client.call({ verb: 'create', repo, writes: true }, signal, async ({ accessToken = '', ...params }) => {
    try {
      const visibility = request.private ? 'private' : 'public';
      await createRepo({ ...params, accessToken, repo: designation(repo), visibility });
    } catch (error) {
      // Another process was faster, or our own request worked and its answer got lost.
      if (!(error instanceof HubApiError && error.statusCode === 409)) throw error;
    }
  });
  const head = await readHead(client, repo, signal);
  if (head !== undefined) return head;
  throw new SecpiError('hub/not-found', `${repo.kind} ${repo.name} was created, but the token cannot read it`, {
    hint: 'Give the token read and write access to this repository or organisation in your Hub settings.',
  });
}

async function compare(files: Files, head: RepoHead, signal: AbortSignal) {
  const remote = new Map(head.files.map((file) => [file.path, file]));
  const different: Files[number][] = [];
  const unchanged: string[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const there = remote.get(file.path);
    if (there !== undefined && (await holdsContentOf(file.from, there, signal))) unchanged.push(file.path);
    else different.push(file);
  }
  return { different, unchanged };
}

async function totalBytes(files: Files): Promise<number> {
  let bytes = 0;
  for (const { from } of files) bytes += (await stat(from)).size;
  return bytes;
}

/**
 * One commit on top of `parentCommit`, which the Hub refuses (412) if `main` has moved on. Large objects go up first; those
 * that the Hub already has, from a push that was cut off, are not sent again.
 */
async function commitFiles(
  client: HubClient,
  { repo, message, onProgress }: PushRequest,
  files: Files,
  parentCommit: string,
  signal: AbortSignal,
): Promise<string> {
  return client.call({ verb: 'push to', repo, writes: true }, signal, async (params) => {
    const events = commitIter({
      ...params,
      repo: designation(repo),
      title: message,
      branch: 'main',
      parentCommit,
      operations: files.map(({ path, from }) => ({
        operation: 'addOrUpdate' as const,
        path,
        content: pathToFileURL(from),
      })),
      abortSignal: signal,
    });
    for (;;) {
      const { done, value } = await events.next();
      if (done === true) {
        if (value !== undefined) return value.commit.oid;
        throw new SecpiError('hub/bad-answer', `the Hub did not name the commit on ${repo.kind} ${repo.name}`);
      }
      if (value.event === 'fileProgress' && value.state === 'uploading') onProgress?.(value.path, value.progress);
    }
  });
}
