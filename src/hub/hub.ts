/** Where it is, unless `HF_ENDPOINT` says otherwise. */
export const HUGGING_FACE = 'https://huggingface.co';

/** What secpi does on the Hugging Face Hub. */
export interface Hub {
  /** Its address. */
  readonly url: string;
  /**
   * The commit that a branch, tag or commit name means. Asked once per repository and revision for the life of the
   * service, so that a run sees one commit even while somebody pushes.
   */
  resolve(repo: HubRepo, revision: string, signal: AbortSignal): Promise<string>;
  /** All files of a commit, in the Hub's order. */
  list(repo: HubRepo, commit: string, signal: AbortSignal): Promise<readonly RemoteFile[]>;
  /**
   * Downloads one file, whole or not at all: size and hash are those of the listing, and the file appears by a rename.
   * Nothing is fetched when it is already there; what an interrupted download left is gone on from.
   */
  download(repo: HubRepo, commit: string, path: string, to: string, signal: AbortSignal): Promise<void>;
  /**
   * Bytes of one file, from `start` to before `end`, for whoever needs little of a large one. The commit is all that vouches for them: a part has no
   * hash. Throws `hub/corrupt-download` when they are not as many as were asked for.
   */
  read(repo: HubRepo, commit: string, path: string, range: ByteRange, signal: AbortSignal): Promise<Uint8Array>;
  /** The newest state of `main`, asked anew each time; `undefined` when there is no such repository (or no access). */
  head(repo: HubRepo, signal: AbortSignal): Promise<RepoHead | undefined>;
  /**
   * Makes the files stand on `main`: creates the repository if need be and uploads what differs, in one commit; no commit
   * at all when nothing differs. Other files in the repository stay. Throws `hub/changed-meanwhile` when somebody else
   * pushed in between, `hub/repo-is-public` when a private push would go to a public repository.
   */
  push(request: PushRequest, signal: AbortSignal): Promise<PushOutcome>;
}

export interface ByteRange {
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

export interface HubRepo {
  readonly kind: 'model' | 'dataset';
  /** `owner/name` */
  readonly name: string;
}

/** A file as the Hub lists it. */
export interface RemoteFile {
  /** With forward slashes; never leaves the folder it is put into. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-1 of the git blob; for an LFS file that is its pointer, which says nothing about the content. */
  readonly git_oid: string;
  /** Content hash, known of LFS files only. */
  readonly sha256: string | null;
}

export interface RepoHead {
  readonly commit: string;
  readonly private: boolean;
  readonly files: readonly RemoteFile[];
}

export interface PushRequest {
  readonly repo: HubRepo;
  /** Visibility of a repository that has to be created; an existing public one is refused when this is true. */
  readonly private: boolean;
  readonly files: readonly { readonly path: string; readonly from: string }[];
  /** First line of the commit message. */
  readonly message: string;
  /** Called as uploads go on; `share` counts from 0 to 1. */
  readonly onProgress?: ((path: string, share: number) => void) | undefined;
}

export interface PushOutcome {
  /** The commit at which the repository holds all files. */
  readonly commit: string;
  readonly uploaded: readonly string[];
  readonly unchanged: readonly string[];
  /** Size of what was uploaded. */
  readonly bytes: number;
}

/** A Hub's address as it may be shown and handed on: credentials inside it would travel in error texts and jobs. */
export function hubAddress(url: string): string {
  if (!URL.canParse(url)) return HUGGING_FACE;
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`.replace(/\/+$/, '');
}
