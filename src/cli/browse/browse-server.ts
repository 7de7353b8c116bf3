import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../base/files/system-error.js';
import type { Redactor } from '../../base/redact.js';
import { type Html, html } from '../../stages/report/html.js';
import { type Browsed, chooser, fileLinks, head, listEnd, notePage, rowPage } from './pages.js';
import { filterOf, type Query, queryIn, queryText } from './query.js';
import { listItem } from './record-view.js';
import { RowIndex } from './row-index.js';
import { styleHash } from './style.js';
import { TextSearch } from './text-search.js';

const ROWS_ON_A_PAGE = 25;

/** Bytes that are read in no time. */
const SOON_READ = 8 << 20;

export interface BrowseOptions {
  readonly run: string;
  readonly stage: string;
  /** JSON Lines files of the stage's result; at least one. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
  /** 0: any that is free. */
  readonly port: number;
  readonly redact: Redactor;
}

export interface BrowseServer extends AsyncDisposable {
  /** Who knows it may read; it holds a random word. */
  readonly url: string;
}

/**
 * Serves the rows of a stage's files to browsers of this machine. What it shows was written by strangers and by models, so: only the loopback
 * interface, only under a random word, only to whoever calls it by its own name (no page of a stranger whose name resolves to here), only
 * reading, no script, nothing from elsewhere, and everything escaped.
 */
export async function startBrowseServer(options: BrowseOptions): Promise<BrowseServer> {
  const word = randomBytes(24).toString('base64url');
  const stop = new AbortController();
  const pages = new Pages(options, stop.signal);
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    const { port } = server.address() as AddressInfo;
    void answer(request, response, { word, port, pages }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${word}/`,
    async [Symbol.asyncDispose]() {
      stop.abort();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await pages[Symbol.asyncDispose]();
    },
  };
}

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; script-src 'none'; style-src ${styleHash}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  // The address is the key.
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { word, port, pages }: { readonly word: string; readonly port: number; readonly pages: Pages },
): Promise<void> {
  const refuse = (status: number, text: string): void => {
    response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(request.headers.host ?? ''))
    return refuse(403, 'wrong name');
  const [path = '', parameters] = (request.url ?? '').split('?', 2);
  const [, given = '', page, ...more] = path.split('/');
  if (!isSame(given, word) || more.length > 0 || (page !== '' && page !== 'row')) return refuse(404, 'not found');
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'only reading');
  response.writeHead(200, headers);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const query = queryIn(new URLSearchParams(parameters));
  try {
    for await (const part of page === 'row' ? pages.row(query) : pages.list(query, gone.signal)) {
      if (gone.signal.aborted) return;
      if (!response.write(part) && !response.destroyed)
        await new Promise<void>((resolve) => response.once('drain', resolve).once('close', resolve));
    }
  } catch (error) {
    response.write(pages.problem(error));
  }
  response.end();
}

function isSame(given: string, word: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(word)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The pages of one stage, and the indices of the files that were looked at. */
class Pages implements AsyncDisposable {
  readonly #options: BrowseOptions;
  readonly #stop: AbortSignal;
  readonly #indices = new Map<number, Promise<RowIndex>>();
  readonly #rows = new Map<number, RowIndex>();

  constructor(options: BrowseOptions, stop: AbortSignal) {
    this.#options = options;
    this.#stop = stop;
  }

  /** A page of rows, each sent as it is found. */
  async *list(query: Query, gone: AbortSignal): AsyncGenerator<string> {
    const index = await this.#index(query.file);
    if (index === undefined) {
      yield this.#text(notePage(this.#browsed, 'There is no such file.'));
      return;
    }
    const complete = index.whenComplete().catch(() => {});
    // So that a small file is known before its page is made, and of a large one a part. A packed one may be large and look small.
    await Promise.race([complete, sleep(index.bytes <= SOON_READ ? 2000 : 200)]);
    yield this.#text(
      html`${head(this.#browsed, 'rows')}${fileLinks(this.#browsed, query)}${chooser(query, index)}<ol>`,
    );
    const search = new TextSearch(query.text);
    const signal = AbortSignal.any([gone, this.#stop]);
    const found: { readonly row: number; readonly item: Html }[] = [];
    let isMore = false;
    try {
      const rows = index.search({ from: query.from, direction: query.direction, filter: filterOf(query), signal });
      for await (const { row, line } of rows) {
        if (!search.isIn(line)) continue;
        if (found.length === ROWS_ON_A_PAGE) {
          isMore = true;
          break;
        }
        const item = listItem(row, line, search, `row${queryText({ ...query, from: row, direction: 1 })}`);
        found.push({ row, item });
        if (query.direction === 1) yield this.#text(item);
      }
    } catch (error) {
      if (signal.aborted) return;
      yield this.problem(error);
    }
    if (query.direction === -1) {
      found.reverse();
      yield this.#text(html`${found.map(({ item }) => item)}`);
    }
    yield this.#text(
      html`</ol>${listEnd(
        query,
        found.map(({ row }) => row),
        isMore,
      )}`,
    );
  }

  async *row(query: Query): AsyncGenerator<string> {
    const line = await (await this.#index(query.file))?.read(query.from);
    const page =
      line === undefined ? notePage(this.#browsed, 'There is no such row.') : rowPage(this.#browsed, query, line);
    yield this.#text(page);
  }

  /** What is shown in the place of what cannot be read. */
  problem(error: unknown): string {
    return this.#text(html`<p class="notice">The file cannot be read any further: ${sentenceOf(error)}</p>`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const index of this.#rows.values()) await index[Symbol.asyncDispose]();
  }

  get #browsed(): Browsed {
    const { run, stage, files } = this.#options;
    const rowsOf = (at: number): number | undefined => {
      const index = this.#rows.get(at);
      return index?.isComplete === true ? index.rows : undefined;
    };
    return { run, stage, files: files.map(({ name }, at) => ({ name, rows: rowsOf(at) })) };
  }

  async #index(file: number): Promise<RowIndex | undefined> {
    const of = this.#options.files[file];
    if (of === undefined) return undefined;
    const opening = this.#indices.get(file) ?? RowIndex.open(of.path);
    this.#indices.set(file, opening);
    try {
      const index = await opening;
      this.#rows.set(file, index);
      return index;
    } catch (error) {
      // It may be there again the next time.
      this.#indices.delete(file);
      throw error;
    }
  }

  #text(page: Html): string {
    return this.#options.redact(page.toString());
  }
}
