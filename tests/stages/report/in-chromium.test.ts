import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { renderReport } from '../../../src/stages/report/render.js';
import { hasChromium, startChromium } from '../../support/chromium.js';
import { temporaryFolder } from '../../support/run-cli.js';
import { realisticData, realisticRun } from './report-data.js';

/** What ends beyond the right edge of the window: the page itself, and words for people, who should not have to scroll sideways for them. */
const BEYOND = `[document.documentElement, ...document.querySelectorAll('p, h1, h2, h3, caption > *, caption, figcaption, summary, li, .card, pre')]
  .filter((e) => Math.max(e.getBoundingClientRect().right, e === document.documentElement ? e.scrollWidth : 0) > innerWidth + 1)
  .map((e) => e.tagName + ' ' + Math.round(e.getBoundingClientRect().right) + ': ' + e.textContent.slice(0, 60))`;

describe.skipIf(!hasChromium)('the report in Chromium', () => {
  it.each([390, 1000])('shows all of its sentences in a window of %i pixels', async (width) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'report.html');
    await writeFile(path, await renderReport(realisticData(), realisticRun));
    await using browser = await startChromium();
    await browser.resize(width, 844);
    await browser.open(pathToFileURL(path).href);
    await browser.evaluate(`document.querySelectorAll('details').forEach((e) => { e.open = true; })`);
    expect(await browser.evaluate('innerWidth')).toBe(width);
    expect(await browser.evaluate('document.querySelectorAll("caption").length')).toBeGreaterThan(1);
    expect(await browser.evaluate(BEYOND)).toEqual([]);
  });
});
