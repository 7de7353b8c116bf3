import { rename, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrowseServer, startBrowseServer } from '../../../src/cli/browse/browse-server.js';
import { temporaryFolder } from '../../support/run-cli.js';

async function serve(folder: string, files: Readonly<Record<string, readonly unknown[]>>): Promise<BrowseServer> {
  const named = await Promise.all(
    Object.entries(files).map(async ([name, rows]) => {
      const path = join(folder, name);
      await writeFile(path, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
      return { name, path };
    }),
  );
  return startBrowseServer({
    run: '01RUN',
    stage: 'filter',
    files: named,
    port: 0,
    redact: (text) => text.replaceAll('s3cret', '***'),
  });
}

const rejected = Array.from({ length: 60 }, (_, at) => ({
  id: `task-${at}`,
  prompt: `Write function number ${at}.`,
  language: at % 2 === 0 ? 'c' : 'go',
  code: at % 3 === 0 ? 'low_confidence' : 'not_relevant',
  cwes: at % 3 === 0 ? ['CWE-89', 'CWE-22'] : [],
  reason: 'a reason',
}));

/** Status, headers and text of an answer; the address is sent as it is. */
function get(url: string, options: { path?: string; method?: string; host?: string } = {}) {
  const { pathname, search, port, host } = new URL(url);
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const { path = pathname + search, method = 'GET' } = options;
    request({ port, host: '127.0.0.1', path, method, headers: { host: options.host ?? host } }, async (response) => {
      let text = '';
      for await (const part of response) text += String(part);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    })
      .once('error', reject)
      .end();
  });
}

const rowsOn = (page: string) => [...page.matchAll(/>row (\d+)<\/a>/g)].map(([, row]) => Number(row));

describe('the pages of secpi browse', () => {
  it('are for whoever knows the word and calls this machine by its name, and only to be read', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path, { 'rejected.jsonl': rejected });
    const { url } = server;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    const { port } = new URL(url);
    const word = new URL(url).pathname.slice(1, -1);
    expect(await get(url)).toMatchObject({ status: 200 });
    expect(await get(url, { host: `localhost:${port}` })).toMatchObject({ status: 200 });
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`]) {
      expect(await get(url, { host })).toMatchObject({ status: 403, text: 'wrong name\n' });
    }
    const wrong = [
      `/${word.slice(1)}/`,
      `/${word}x/`,
      `/${word.toLowerCase()}/`,
      '/',
      '//',
      `/${word}`,
      `/${word}/row/1`,
      `/${word}/../${word}x/`,
    ];
    for (const path of wrong) expect(await get(url, { path })).toMatchObject({ status: 404, text: 'not found\n' });
    for (const method of ['POST', 'PUT', 'DELETE']) expect(await get(url, { method })).toMatchObject({ status: 405 });
    expect(await get(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    // Another one has another word.
    await using other = await serve(folder.path, { 'rejected.jsonl': rejected });
    expect(new URL(other.url).pathname).not.toBe(new URL(url).pathname);
  });

  it('allow no script, nothing from elsewhere, and tell nobody their address', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path, { 'rejected.jsonl': rejected });
    const { headers, text } = await get(server.url);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'none'; style-src 'sha256-[\w+/=]{44}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers).toMatchObject({
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(text).not.toMatch(/<script|\son\w+=|https?:\/\/|url\(|@import/i);
  });

  it('are made of the same elements whatever the rows hold', async () => {
    await using folder = await temporaryFolder();
    const skeleton = (page: string) =>
      [...page.replace(/="[^"]*"/g, '=').matchAll(/<([^>]*)>/g)].map(([, element]) => element).join('\n');
    const pages = async (text: string) => {
      const row = {
        prompt: text,
        reason: text,
        code: text,
        language: text,
        cwes: [text],
        [text]: text,
        long: `${text}\n${text}`,
      };
      await using server = await serve(folder.path, { 'kept.jsonl': [row] });
      const query = `text=${encodeURIComponent(text)}&language=${encodeURIComponent(text)}`;
      const found = await Promise.all(['', `?${query}`, 'row', `row?${query}`].map((path) => get(server.url + path)));
      return found.map(({ text: page }) => page);
    };
    // Words that are no keyword, no code and no fence, so that only their being escaped can matter.
    const plain = await pages('xyz');
    const hostile = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onclick='alert(1)",
      '</style><script>',
      '&lt;b&gt;',
      '<!--',
      ']]>',
    ];
    for (const text of hostile) {
      const made = await pages(text);
      expect(made.map(skeleton)).toEqual(plain.map(skeleton));
      expect(made.join('')).not.toContain(text.includes('<') ? text : '<script');
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), async (text) => {
        for (const page of await pages(text)) expect(page).not.toMatch(/<script|<img|\son\w+=/i);
      }),
      { numRuns: 8 },
    );
  });

  it('say what cannot be read, and read it once it is there again', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path, { 'rejected.jsonl': rejected });
    const path = join(folder.path, 'rejected.jsonl');
    await rename(path, `${path}.away`);
    expect(await get(server.url)).toMatchObject({ status: 200, text: expect.stringContaining('it is not there') });
    await rename(`${path}.away`, path);
    expect(rowsOn((await get(server.url)).text)).toHaveLength(25);
  });

  it('choose by reason, weakness, language and text, and page in both directions', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve(folder.path, {
      'kept.jsonl': [{ prompt: 's3cret thing' }],
      'rejected.jsonl': rejected,
    });
    const page = async (query: string) => (await get(`${server.url}?${query}`)).text;
    const first = await page('file=1');
    expect(rowsOn(first)).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
    expect(first).toContain('60 of 60 rows');
    expect(first).toContain('<option value="low_confidence">low confidence (20)</option>');
    expect(first).toContain('<option value="CWE-22">CWE-22 (20)</option>');
    const next = (text: string, name: string) => {
      const href = new RegExp(`<a href="([^"]*)">${name}</a>`).exec(text)?.[1]?.replaceAll('&amp;', '&');
      return href === undefined ? undefined : new URL(href, server.url).search.slice(1);
    };
    const second = await page(next(first, 'later rows') ?? '');
    expect(rowsOn(second)).toEqual(Array.from({ length: 25 }, (_, at) => at + 26));
    const third = await page(next(second, 'later rows') ?? '');
    expect(rowsOn(third)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
    expect(next(third, 'later rows')).toBeUndefined();
    expect(rowsOn(await page(next(third, 'earlier rows') ?? ''))).toEqual(rowsOn(second));

    expect(rowsOn(await page('file=1&reason=low_confidence&language=c'))).toEqual([
      1, 7, 13, 19, 25, 31, 37, 43, 49, 55,
    ]);
    expect(rowsOn(await page('file=1&cwe=CWE-22&row=50'))).toEqual([52, 55, 58]);
    const searched = await page('file=1&text=NUMBER+4');
    expect(rowsOn(searched)).toEqual([5, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
    expect(searched).toContain('<mark>number 4</mark>');
    expect(await page('file=1&text=nowhere')).toContain('No further rows.');
    expect(await page('file=0')).toContain('*** thing');
    for (const odd of ['file=99', 'file=-1', 'file=1e9', 'from=-5', 'from=1e3', 'row=0', 'back=2', 'from=999999999']) {
      expect((await get(`${server.url}?${odd}`)).status).toBe(200);
    }
  });

  it('show a row whole: short fields in a table, prose as it is, fenced code in colours', async () => {
    await using folder = await temporaryFolder();
    const answer = 'Bind it:\n\n```python\nreturn db.run("…", 1)  # bound\n```\nDone.';
    const trace = {
      id: 'trace-1',
      task: { prompt: 'Find a user.\nQuickly.', language: 'python', cwes: ['CWE-89'] },
      answer,
      tokens: { input: 3 },
    };
    await using server = await serve(folder.path, { 'traces.jsonl': [trace, 'no json'] });
    const { text } = await get(`${server.url}row?from=0`);
    expect(text).toContain('<th>tokens.input</th><td>3</td>');
    expect(text).toContain('<span class="badge cwe">CWE-89</span>');
    expect(text).toContain('<div class="prose">Find a user.\nQuickly.</div>');
    expect(text).toContain(
      '<pre class="code"><span class="keyword">return</span> db.run(<span class="string">&quot;…&quot;</span>',
    );
    expect(text).toContain('<span class="comment"># bound</span>');
    expect(text).toContain('row after');
    expect((await get(`${server.url}row?from=1`)).text).toContain('This line is no JSON object.');
    expect((await get(`${server.url}row?from=2`)).text).toContain('There is no such row.');
  });
});
