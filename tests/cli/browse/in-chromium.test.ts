import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startBrowseServer } from '../../../src/cli/browse/browse-server.js';
import { hasChromium, startChromium } from '../../support/chromium.js';
import { temporaryFolder } from '../../support/run-cli.js';

const hostile = `<script>document.title='owned'</script><img src="http://127.0.0.1:9/x.png" onerror="document.title='owned'"><style>*{display:none}</style>`;

const rows = Array.from({ length: 200 }, (_, at) => ({
  prompt: at === 3 ? hostile : `Write function number ${at}.`,
  language: at % 2 === 0 ? 'c' : 'go',
  code: at % 5 === 0 ? 'low_confidence' : 'not_relevant',
  cwes: at % 4 === 0 ? ['CWE-787'] : ['CWE-22'],
  reason: `because of ${at}`,
}));

describe.skipIf(!hasChromium)('secpi browse in Chromium', () => {
  it('chooses, searches and pages by its own form and links, runs nothing of what it shows, and asks nobody else', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rejected.jsonl');
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const files = [{ name: 'rejected.jsonl', path }];
    await using server = await startBrowseServer({
      run: '01RUN',
      stage: 'filter',
      files,
      port: 0,
      redact: (text) => text,
    });
    await using browser = await startChromium();
    const texts = (selector: string) =>
      browser.evaluate<string[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.innerText)`);
    const link = (name: string) => `[...document.links].find((a) => a.innerText === ${JSON.stringify(name)}).click()`;
    const choose = (name: string, value: string) =>
      `document.querySelector('[name=${name}]').value = ${JSON.stringify(value)}`;

    await browser.open(server.url);
    expect(await texts('li a')).toHaveLength(25);
    // What a stranger wrote is text, and the page has its own style.
    expect((await texts('li p'))[6]).toContain("<script>document.title='owned'</script>");
    expect(await browser.evaluate('getComputedStyle(document.querySelector("form")).display')).toBe('flex');

    await browser.evaluate(choose('reason', 'low_confidence'));
    await browser.evaluate(choose('cwe', 'CWE-787'));
    await browser.evaluate(choose('language', 'c'));
    await browser.follow('document.querySelector("button").click()');
    expect(await texts('li a')).toEqual([1, 21, 41, 61, 81, 101, 121, 141, 161, 181].map((row) => `row ${row}`));

    await browser.evaluate([choose('reason', ''), choose('cwe', ''), choose('text', 'NUMBER 1')].join(';'));
    await browser.follow('document.querySelector("button").click()');
    expect((await texts('mark'))[0]).toBe('number 1');
    await browser.follow(link('later rows'));
    const later = await texts('li a');
    await browser.follow(link('earlier rows'));
    expect(await texts('li a')).not.toEqual(later);
    await browser.follow(link('row 13'));
    expect(await texts('mark')).toEqual(['number 1']);
    await browser.follow(link('row after'));
    await browser.follow(`location.href = ${JSON.stringify(`${server.url}row?from=3`)}`);
    expect((await texts('.prose'))[0]).toContain('<img src="http://127.0.0.1:9/x.png"');

    expect(await browser.evaluate('document.title')).not.toBe('owned');
    expect(browser.complaints).toEqual([]);
    const own = (url: string) => url.startsWith(server.url) || url === 'about:blank';
    expect(browser.requested.length).toBeGreaterThan(6);
    expect(browser.requested.filter((url) => !own(url) && !url.endsWith('/favicon.ico'))).toEqual([]);
  });
});
