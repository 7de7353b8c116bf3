import { HubApiError } from '@huggingface/hub';
import type { HubRepo } from './hub.js';
import type { CallParams } from './hub-client.js';

/** A file of a commit. */
export interface FileAtCommit {
  readonly repo: HubRepo;
  readonly commit: string;
  readonly path: string;
}

/** Asks for a file's content, or for a range of it (`bytes=0-99`). Throws `HubApiError` for any answer that is not a good one. */
export async function fetchContent(
  { fetch, hubUrl, accessToken }: CallParams,
  { repo, commit, path }: FileAtCommit,
  range: string | undefined,
): Promise<Response> {
  const prefix = repo.kind === 'dataset' ? 'datasets/' : '';
  const escaped = path.split('/').map(encodeURIComponent).join('/');
  // Not the library's `downloadFile`: that neither escapes the path nor goes on from a byte.
  const response = await fetch(`${hubUrl}/${prefix}${repo.name}/resolve/${commit}/${escaped}`, {
    headers: {
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
      // Compression on the way would make ranges and lengths those of another file.
      'accept-encoding': 'identity',
      ...(range === undefined ? {} : { range }),
    },
  });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new HubApiError(response.url, response.status);
}
