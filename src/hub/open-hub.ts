import { SecpiError } from '../base/errors.js';
import type { Redactor } from '../base/redact.js';
import { downloadFile } from './download.js';
import { HUGGING_FACE, type Hub, type HubRepo, type RemoteFile } from './hub.js';
import { HubClient } from './hub-client.js';
import { push } from './push.js';
import { readHead, readInfo, readTree } from './read.js';
import { readRange } from './read-range.js';
import { defaultRetryPolicy, type RetryPolicy } from './retrying-fetch.js';

export interface HubOptions {
  /** Default: huggingface.co. */
  readonly hubUrl?: string | undefined;
  /** Never read from the environment here. Without one only public repositories can be read. */
  readonly token: string | undefined;
  readonly redact: Redactor;
  readonly retry?: Partial<RetryPolicy> | undefined;
}

const commitPattern = /^[0-9a-f]{40}$/;

/** Access to the Hub. Nothing is sent before the first call. Throws `hub/bad-url`; its calls throw `SecpiError` `hub/…`. */
export function openHub({ hubUrl = HUGGING_FACE, token, redact, retry }: HubOptions): Hub {
  if (!/^https?:$/.test(URL.canParse(hubUrl) ? new URL(hubUrl).protocol : '')) {
    throw new SecpiError('hub/bad-url', `${JSON.stringify(redact(hubUrl))} is no address of a Hub`, {
      hint: 'Set `HF_ENDPOINT` to something like https://huggingface.co, or unset it.',
      exitCode: 2,
    });
  }
  const client = new HubClient({ url: hubUrl, token, redact, policy: { ...defaultRetryPolicy, ...retry } });
  const commits = new Memo<string>();
  const trees = new Memo<readonly RemoteFile[]>();

  const list = (repo: HubRepo, commit: string, signal: AbortSignal) =>
    trees.get(`${repo.kind} ${repo.name} ${commit}`, () => readTree(client, repo, commit, signal));

  return {
    url: client.url,
    list,
    async resolve(repo, revision, signal) {
      if (commitPattern.test(revision)) return revision;
      return commits.get(`${repo.kind} ${repo.name} ${revision}`, async () => {
        const { commit } = await readInfo(client, repo, revision, signal);
        return commit;
      });
    },
    async download(repo, commit, path, to, signal) {
      const file = (await list(repo, commit, signal)).find((candidate) => candidate.path === path);
      if (file !== undefined) return downloadFile({ client, repo, commit, file, to, signal });
      throw new SecpiError('hub/not-found', `${repo.kind} ${repo.name} at ${commit} has no file ${path}`, {
        hint: "Look at the repository's list of files.",
      });
    },
    read: (repo, commit, path, range, signal) => readRange(client, { repo, commit, path, range }, signal),
    head: (repo, signal) => readHead(client, repo, signal),
    push: (request, signal) => push(client, request, signal),
  };
}

/** Remembers what succeeded; a failure may be asked again. */
class Memo<T> {
  readonly #values = new Map<string, Promise<T>>();

  get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, value);
    value.catch(() => this.#values.delete(key));
    return value;
  }
}
