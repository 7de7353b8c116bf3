/**
 * A local Hugging Face Hub: a real HTTP server that speaks as much of the Hub's wire as secpi uses, keeps what is pushed
 * in memory, counts calls and fails on demand. What it imitates (kind is `models` or `datasets`, REPO is `owner/name`):
 *
 *   POST /api/repos/create                      {name, organization, type, visibility} → {url, id}; 409 if it exists. Makes a
 *                                               first commit that holds `.gitattributes`, as the Hub does
 *   GET  /api/KIND/REPO/revision/REV            {sha, private, …} for a branch, tag or commit
 *   GET  /api/KIND/REPO/tree/REV?recursive=true [{type, path, size, oid, lfs?}], in pages joined by a `Link` header
 *   POST /api/KIND/REPO/preupload/REV           {files: [{path, size, sample}]} → `lfs` or `regular` for each
 *   POST /[datasets/]REPO.git/info/lfs/objects/batch  {objects: [{oid, size}]} → basic transfer; no `actions` for an object
 *                                               that is there already
 *   PUT  /lfs/REPO/OID                          the object; no Authorization header, as with the real storage
 *   POST /api/KIND/REPO/commit/REV              NDJSON: header, file (base64), lfsFile; 412 when `parentCommit` is not the head
 *   GET  /[datasets/]REPO/resolve/REV/PATH      content, with Range; LFS files by a redirect to /cdn/OID
 *
 * Answers to bad access follow the Hub: 401 for an unknown token and for a private repository without one, 403 for a
 * token that may only read, 404 for what is not there.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type RepoKind = 'model' | 'dataset';
export type HubRoute =
  | 'create'
  | 'revision'
  | 'tree'
  | 'preupload'
  | 'lfs-batch'
  | 'lfs-put'
  | 'commit'
  | 'resolve'
  | 'cdn';

export interface HubCall {
  readonly route: HubRoute;
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly body: Buffer;
}

/** What happens to one call instead of the right answer. */
export type HubFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly error?: string;
      /** JSON text instead of an error. */
      readonly body?: string;
    }
  /** The connection breaks before anything was done. */
  | { readonly kind: 'reset' }
  /** Everything is done as asked, but the connection breaks before the answer. */
  | { readonly kind: 'lost-answer' }
  /** The connection breaks after this many bytes of the answer's body. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** The body has its right length but other bytes. */
  | { readonly kind: 'corrupt' };

interface StoredFile {
  readonly path: string;
  readonly content: Buffer;
  readonly lfs: boolean;
}

interface StoredCommit {
  readonly id: string;
  readonly message: string;
  readonly files: ReadonlyMap<string, StoredFile>;
}

interface StoredRepo {
  private: boolean;
  readonly commits: StoredCommit[];
  readonly tags: Map<string, string>;
}

export const WRITE_TOKEN = 'hf_writeTokenOfTheTests0001';
export const READ_TOKEN = 'hf_readTokenOfTheTests00001';

export interface HubServerOptions {
  /** Entries in one page of a tree. Default 1000. */
  readonly pageSize?: number;
  /** Files of at least this size become LFS objects, besides the usual endings. Default 10 MB. */
  readonly lfsBytes?: number;
}

/** Starts a Hub on a free port of the loopback interface. */
export async function startHubServer(options: HubServerOptions = {}): Promise<HubServer> {
  const hub = new HubServer(options);
  await hub.listen();
  return hub;
}

/** What a route answers. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export class HubServer implements AsyncDisposable {
  readonly calls: HubCall[] = [];
  readonly #repos = new Map<string, StoredRepo>();
  readonly #objects = new Map<string, Buffer>();
  readonly #faults: { readonly route: HubRoute; readonly fault: HubFault; times: number; skip: number }[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #pageSize: number;
  readonly #lfsBytes: number;
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  url = '';

  constructor({ pageSize = 1000, lfsBytes = 10_000_000 }: HubServerOptions) {
    this.#pageSize = pageSize;
    this.#lfsBytes = lfsBytes;
  }

  async listen(): Promise<void> {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Lets the next `times` calls of a route fail, after `skip` that go well. */
  fail(route: HubRoute, fault: HubFault, { times = 1, skip = 0 }: { times?: number; skip?: number } = {}): void {
    this.#faults.push({ route, fault, times, skip });
  }

  count(route: HubRoute): number {
    return this.calls.filter((call) => call.route === route).length;
  }

  /** Puts a commit on `main`, creating a (by default public) repository, as somebody else would. Gives the commit's id. */
  commit(kind: RepoKind, name: string, files: Readonly<Record<string, string | Buffer>>, isPrivate = false): string {
    const repo = this.#repos.get(key(kind, name)) ?? this.#create(kind, name, isPrivate);
    const stored = Object.entries(files).map(([path, content]): StoredFile => {
      const bytes = Buffer.from(content);
      return { path, content: bytes, lfs: this.#isLfs(path, bytes.length) };
    });
    for (const { content, lfs } of stored) if (lfs) this.#objects.set(hex('sha256', content), content);
    return this.#addCommit(repo, 'by somebody else', stored);
  }

  tag(kind: RepoKind, name: string, tag: string): void {
    const repo = this.#repos.get(key(kind, name));
    repo?.tags.set(tag, headOf(repo).id);
  }

  /** Messages of all commits but the first empty one, oldest first. */
  messages(kind: RepoKind, name: string): string[] {
    return (this.#repos.get(key(kind, name))?.commits ?? []).slice(1).map((commit) => commit.message);
  }

  head(kind: RepoKind, name: string): string | undefined {
    const repo = this.#repos.get(key(kind, name));
    return repo === undefined ? undefined : headOf(repo).id;
  }

  isPrivate(kind: RepoKind, name: string): boolean | undefined {
    return this.#repos.get(key(kind, name))?.private;
  }

  /** What `main` holds, but for `.gitattributes`. */
  files(kind: RepoKind, name: string): Record<string, Buffer> {
    const repo = this.#repos.get(key(kind, name));
    const files = repo === undefined ? [] : [...headOf(repo).files.values()];
    return Object.fromEntries(
      files.filter(({ path }) => path !== '.gitattributes').map(({ path, content }) => [path, content]),
    );
  }

  delete(kind: RepoKind, name: string): void {
    this.#repos.delete(key(kind, name));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const url = new URL(request.url ?? '/', this.url);
    const found = routeOf(request.method ?? 'GET', decodeURIComponent(url.pathname));
    if (found === undefined) return send(response, { status: 404, body: 'no such route' });
    const call: HubCall = {
      route: found.route,
      method: request.method ?? 'GET',
      path: url.pathname,
      authorization: request.headers.authorization,
      range: request.headers.range,
      body: Buffer.concat(parts),
    };
    this.calls.push(call);
    const fault = this.#nextFault(found.route);
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'status') {
      const { status, headers = {}, error = 'scripted', body } = fault;
      return send(response, json(status, body === undefined ? { error } : JSON.parse(body), headers));
    }
    const answer = this.#answer(found, call, url);
    if (fault?.kind === 'lost-answer') return void response.destroy();
    if (fault?.kind === 'corrupt')
      return send(response, { ...answer, body: Buffer.alloc(bytesOf(answer).length, 'x') });
    if (fault?.kind === 'cut') return cut(response, answer, fault.bytes);
    return send(response, answer);
  }

  #nextFault(route: HubRoute): HubFault | undefined {
    const planned = this.#faults.find((fault) => fault.route === route && fault.times > 0);
    if (planned === undefined) return undefined;
    if (planned.skip > 0) {
      planned.skip -= 1;
      return undefined;
    }
    planned.times -= 1;
    return planned.fault;
  }

  #answer({ route, kind, name, rest }: FoundRoute, call: HubCall, url: URL): Answer {
    if (route === 'cdn') return ranged(call, this.#objects.get(rest) ?? Buffer.alloc(0));
    if (route === 'lfs-put') {
      if (call.authorization !== undefined) return { status: 400, body: 'a signed address takes no Authorization' };
      if (hex('sha256', call.body) !== rest) return { status: 400, body: 'the object is not what its name says' };
      this.#objects.set(rest, call.body);
      return { status: 200 };
    }
    const token = call.authorization?.replace(/^Bearer /, '');
    if (token !== undefined && token !== WRITE_TOKEN && token !== READ_TOKEN) {
      return json(401, { error: `Invalid username or password. You sent ${token}` });
    }
    const writes = ['create', 'preupload', 'lfs-batch', 'commit'].includes(route);
    if (writes && token !== WRITE_TOKEN) {
      return token === undefined ? json(401, { error: 'Unauthorized' }) : json(403, { error: 'Forbidden: read-only' });
    }
    if (route === 'create') return this.#createAnswer(call);
    const repo = this.#repos.get(key(kind, name));
    if (token === undefined && (repo === undefined || repo.private))
      return json(401, { error: 'Repository not found' });
    if (repo === undefined) return json(404, { error: 'Repository not found' });
    if (route === 'lfs-batch') return this.#batchAnswer(call, name);
    const [revision = '', ...path] = rest.split('/');
    const commit = commitOf(repo, revision);
    if (commit === undefined) return json(404, { error: 'Revision not found' });
    switch (route) {
      case 'revision':
        return json(200, {
          _id: '0',
          id: name,
          sha: commit.id,
          private: repo.private,
          gated: false,
          downloads: 0,
          likes: 0,
        });
      case 'tree':
        return this.#treeAnswer(commit, url);
      case 'preupload':
        return this.#preuploadAnswer(call);
      case 'commit':
        return this.#commitAnswer(repo, call);
      case 'resolve': {
        const file = commit.files.get(path.join('/'));
        if (file === undefined) return json(404, { error: 'Entry not found' }, { 'X-Error-Code': 'EntryNotFound' });
        if (!file.lfs) return ranged(call, file.content);
        return { status: 302, headers: { Location: `${this.url}/cdn/${hex('sha256', file.content)}` } };
      }
    }
  }

  #createAnswer(call: HubCall): Answer {
    const { name, organization, type, visibility } = JSON.parse(call.body.toString('utf8')) as Record<string, string>;
    const full = `${organization}/${name}`;
    if (this.#repos.has(key(type as RepoKind, full))) return json(409, { error: 'You already created this repo' });
    this.#create(type as RepoKind, full, visibility === 'private');
    return json(200, { url: `${this.url}/${full}`, id: full });
  }

  #create(kind: RepoKind, name: string, isPrivate: boolean): StoredRepo {
    const repo: StoredRepo = { private: isPrivate, commits: [], tags: new Map() };
    this.#repos.set(key(kind, name), repo);
    const content = Buffer.from('*.safetensors filter=lfs diff=lfs merge=lfs -text\n');
    this.#addCommit(repo, 'initial commit', [{ path: '.gitattributes', content, lfs: false }]);
    return repo;
  }

  #addCommit(repo: StoredRepo, message: string, changed: readonly StoredFile[]): string {
    const parent = repo.commits.at(-1);
    const files = new Map(parent?.files);
    for (const file of changed) files.set(file.path, file);
    const content = [...files.values()].map((file) => `${file.path} ${oidOf(file)}`).join('\n');
    const id = hex('sha1', Buffer.from(`${parent?.id}\n${message}\n${content}`));
    repo.commits.push({ id, message, files });
    return id;
  }

  #isLfs(path: string, bytes: number): boolean {
    return bytes >= this.#lfsBytes || /\.(?:safetensors|parquet|bin)$/.test(path);
  }

  #treeAnswer(commit: StoredCommit, url: URL): Answer {
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const files = [...commit.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const folders = [
      ...new Set(files.flatMap(({ path }) => (path.includes('/') ? [path.slice(0, path.lastIndexOf('/'))] : []))),
    ];
    const entries = [
      ...folders.map((path) => ({ type: 'directory', path, size: 0, oid: hex('sha1', Buffer.from(path)) })),
      ...files.map((file) => ({
        type: 'file',
        path: file.path,
        size: file.content.length,
        oid: oidOf(file),
        ...(file.lfs
          ? {
              lfs: {
                oid: hex('sha256', file.content),
                size: file.content.length,
                pointerSize: pointerOf(file.content).length,
              },
            }
          : {}),
      })),
    ];
    const next = new URL(url);
    next.searchParams.set('cursor', String(start + this.#pageSize));
    const link = start + this.#pageSize < entries.length ? { Link: `<${next.href}>; rel="next"` } : {};
    return json(200, entries.slice(start, start + this.#pageSize), link);
  }

  #preuploadAnswer(call: HubCall): Answer {
    const { files } = JSON.parse(call.body.toString('utf8')) as { files: { path: string; size: number }[] };
    const modes = files.map(({ path, size }) => ({
      path,
      uploadMode: this.#isLfs(path, size) ? 'lfs' : 'regular',
      shouldIgnore: false,
    }));
    return json(200, { files: modes });
  }

  #batchAnswer(call: HubCall, name: string): Answer {
    const { objects } = JSON.parse(call.body.toString('utf8')) as { objects: { oid: string; size: number }[] };
    const answers = objects.map(({ oid, size }) => {
      if (this.#objects.has(oid)) return { oid, size };
      return { oid, size, actions: { upload: { href: `${this.url}/lfs/${name}/${oid}` } } };
    });
    return json(200, { transfer: 'basic', objects: answers });
  }

  #commitAnswer(repo: StoredRepo, call: HubCall): Answer {
    const lines = call.body
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
    const header = lines.find((line) => line.key === 'header')?.value;
    const head = headOf(repo).id;
    if (header?.parentCommit !== undefined && header.parentCommit !== head) {
      return json(412, { error: 'A commit has happened since. Please refresh and try again.' });
    }
    const files: StoredFile[] = [];
    for (const { key: type, value } of lines) {
      if (type === 'file') {
        files.push({ path: value.path ?? '', content: Buffer.from(value.content ?? '', 'base64'), lfs: false });
      } else if (type === 'lfsFile') {
        const content = this.#objects.get(value.oid ?? '');
        if (content === undefined) return json(400, { error: `LFS object ${value.oid} was never uploaded` });
        files.push({ path: value.path ?? '', content, lfs: true });
      }
    }
    const id = this.#addCommit(repo, header?.summary ?? '', files);
    const place = call.path.replace(/^\/api\/(?:models\/)?(.*)\/commit\/.*$/, '$1');
    return json(200, { success: true, commitOid: id, commitUrl: `${this.url}/${place}/commit/${id}`, hookOutput: '' });
  }
}

interface FoundRoute {
  readonly route: HubRoute;
  readonly kind: RepoKind;
  readonly name: string;
  /** What follows the route: revision and path, or an object's id. */
  readonly rest: string;
}

function routeOf(method: string, path: string): FoundRoute | undefined {
  const found = (route: HubRoute, kind: RepoKind = 'model', name = '', rest = ''): FoundRoute => ({
    route,
    kind,
    name,
    rest,
  });
  if (method === 'POST' && path === '/api/repos/create') return found('create');
  const api = /^\/api\/(model|dataset)s\/([^/]+\/[^/]+)\/(revision|tree|preupload|commit)\/(.+)$/.exec(path);
  if (api !== null) return found(api[3] as HubRoute, api[1] as RepoKind, api[2], api[4]);
  const batch = /^\/(datasets\/)?([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
  if (batch !== null) return found('lfs-batch', batch[1] === undefined ? 'model' : 'dataset', batch[2]);
  const resolve = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/(.+)$/.exec(path);
  if (resolve !== null) return found('resolve', resolve[1] === undefined ? 'model' : 'dataset', resolve[2], resolve[3]);
  const put = /^\/lfs\/([^/]+\/[^/]+)\/([0-9a-f]{64})$/.exec(path);
  if (put !== null) return found('lfs-put', 'model', put[1], put[2]);
  const cdn = /^\/cdn\/([0-9a-f]{64})$/.exec(path);
  return cdn === null ? undefined : found('cdn', 'model', '', cdn[1]);
}

function key(kind: RepoKind, name: string): string {
  return `${kind}s/${name}`;
}

function hex(algorithm: 'sha1' | 'sha256', content: Buffer): string {
  return createHash(algorithm).update(content).digest('hex');
}

function gitOid(content: Buffer): string {
  return hex('sha1', Buffer.concat([Buffer.from(`blob ${content.length}\0`), content]));
}

function pointerOf(content: Buffer): Buffer {
  const oid = hex('sha256', content);
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`);
}

function oidOf({ content, lfs }: StoredFile): string {
  return gitOid(lfs ? pointerOf(content) : content);
}

function headOf(repo: StoredRepo): StoredCommit {
  const head = repo.commits.at(-1);
  if (head === undefined) throw new Error('a repository has at least its first commit');
  return head;
}

function commitOf(repo: StoredRepo, revision: string): StoredCommit | undefined {
  if (revision === 'main' || revision === 'HEAD') return headOf(repo);
  const id = repo.tags.get(revision) ?? revision;
  return repo.commits.find((commit) => commit.id === id);
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

function ranged(call: HubCall, content: Buffer): Answer {
  const start = /^bytes=(\d+)-/.exec(call.range ?? '')?.[1];
  if (start === undefined) return { status: 200, body: content };
  const range = `bytes ${start}-${content.length - 1}/${content.length}`;
  return { status: 206, headers: { 'Content-Range': range }, body: content.subarray(Number(start)) };
}

function bytesOf(answer: Answer): Buffer {
  return Buffer.from(answer.body ?? '');
}

function send(response: ServerResponse, answer: Answer): void {
  const body = bytesOf(answer);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': body.length });
  response.end(body);
}

function cut(response: ServerResponse, answer: Answer, bytes: number): void {
  const body = bytesOf(answer);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': body.length });
  // The socket is ended behind the bytes; destroying it at once would take them along.
  response.write(body.subarray(0, bytes), () => response.socket?.end());
}
