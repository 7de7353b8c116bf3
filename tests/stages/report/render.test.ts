import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml } from '../../../src/stages/report/html.js';
import { renderReport } from '../../../src/stages/report/render.js';
import type { ReportData } from '../../../src/stages/report/report-data.js';
import { comparePaired } from '../../../src/suites/figures/metrics.js';
import { realisticData, realisticRun } from './report-data.js';

/** The page without its style sheet, whose text is ours. */
const withoutStyle = (page: string) => page.replace(/<style>[\s\S]*?<\/style>/, '');

/** Every string of the data replaced by `text`, except those that choose among known values. */
function withEveryTextAs(data: ReportData, text: string): ReportData {
  const fixed = new Set(['verdict', 'kind', 'method']);
  const changed = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return fixed.has(key) ? value : text;
    if (Array.isArray(value)) return value.map((item) => changed(item, key));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, changed(item, name)]));
    return value;
  };
  return changed(data) as ReportData;
}

/** Elements and the names of their attributes, in order: what hostile text must not be able to change. */
function skeleton(page: string): string {
  const withoutValues = withoutStyle(page).replace(/="[^"]*"/g, '=');
  return [...withoutValues.matchAll(/<([^>]*)>/g)].map(([, element]) => element).join('\n');
}

describe('the report', () => {
  it('needs neither network nor script', async () => {
    const page = await renderReport(realisticData(), realisticRun);
    expect(page).toMatch(/^<!doctype html>/);
    const elements = skeleton(page);
    expect(elements).not.toMatch(/^(?:script|link|iframe|img|object|embed|base|form|video|audio)\b/im);
    expect(elements).not.toMatch(/\s(?:src|srcset|action|data|poster|background|on[a-z]+)=/i);
    expect(page).not.toMatch(/url\(|@import|@font-face/i);
    for (const [, target] of page.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^#/);
    // The only addresses are names of XML vocabularies.
    expect([...page.matchAll(/https?:\/\/[^"'\s<]+/g)].map(([url]) => url)).toSatisfy((urls: string[]) =>
      urls.every((url) => url.startsWith('http://www.w3.org/')),
    );
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
  });

  it('links its contents to sections that are there', async () => {
    const page = await renderReport(realisticData(), realisticRun);
    const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    expect(targets.length).toBeGreaterThan(5);
    for (const id of targets) expect(page).toContain(`id="${id}"`);
  });

  it('tells apart the parameters of the base model and those of the adapter', async () => {
    expect(await renderReport(realisticData())).toContain(
      '<td>1,904,640 in the base model; 196,608 trained, in an adapter (10.3 % of that number)</td>',
    );
  });

  it('is the same bytes when rendered twice', async () => {
    expect(await renderReport(realisticData(), realisticRun)).toBe(await renderReport(realisticData(), realisticRun));
  });

  it('shows what a reader must know first before any figure', async () => {
    const { notices } = realisticData();
    const page = await renderReport(realisticData());
    for (const notice of notices) {
      expect(page).toContain(notice);
      expect(page.indexOf(notice)).toBeLessThan(page.indexOf('func@1'));
    }
  });

  it('shows the figures of both models with their intervals', async () => {
    const data = realisticData();
    const page = withoutStyle(await renderReport(data));
    const [suite] = data.suites;
    for (const variant of [suite?.base, suite?.tuned]) {
      expect(page).toContain(`${((variant?.func_sec_at_1 ?? 0) * 100).toFixed(1)} %`);
      const [low, high] = variant?.intervals.func_sec_at_1 ?? [0, 0];
      expect(page).toContain(`[${(low * 100).toFixed(1)}, ${(high * 100).toFixed(1)}]`);
    }
    expect(page).toContain('CWE-89 <span class="quiet">SQL injection</span>');
  });

  it('shows all variants where there are more than two, and calls those that are compared by their names', async () => {
    const data = realisticData();
    const [suite] = data.suites;
    if (suite === undefined) throw new Error('no suite');
    const suites = [{ ...suite, variants: { base: suite.base, 'base+reminder': suite.tuned, tuned: suite.tuned } }];
    const page = withoutStyle(await renderReport({ ...data, suites, compared: ['base', 'base+reminder'] }));
    expect(page.match(/<td class="label-cell">(?:base|base\+reminder|tuned)<\/td>/g)).toHaveLength(3);
    expect(page).toContain('<th class="tuned">base+reminder</th>');
    expect(withoutStyle(await renderReport(data))).not.toContain('All variants');
  });

  it('shows what the harness of a suite would report, in each reading and for each part', async () => {
    const data = realisticData();
    const figure = (reading: string, part: string, value: number) => ({
      ...{ reading, part, value },
      ...{ name: 'func-sec@1', tasks: 2 },
    });
    const official = {
      base: [figure('official', '', 0.123), figure('strict', '', 0.1)],
      tuned: [figure('official', '', 0.456), figure('official', 'core/c/', 0.789), figure('strict', '', 0.4)],
    };
    const page = await renderReport({ ...data, suites: data.suites.map((suite) => ({ ...suite, official })) });
    const table = /By the benchmark’s own harness[\s\S]*?<\/table>/.exec(page)?.[0] ?? '';
    const rows = [...table.matchAll(/<tr><td[\s\S]*?<\/tr>/g)].map(([row]) =>
      row.replace(/<[^>]+>/g, ' ').split(/ {2,}/),
    );
    expect(rows.map((row) => row.map((cell) => cell.trim()).filter((cell) => cell !== ''))).toEqual([
      ['all', 'func-sec@1', '12.3 %', '45.6 %', '10.0 %', '40.0 %'],
      ['core/c/', 'func-sec@1', '–', '78.9 %', '–', '–'],
    ]);
    expect(await renderReport(data)).not.toContain('own harness');
  });

  it('names what could be forged, and a suite of which all could be as a whole', async () => {
    const data = realisticData();
    const [mini] = data.suites;
    if (mini === undefined) throw new Error('no suite');
    const page = await renderReport({
      ...data,
      suites: [mini, { ...mini, name: 'min', problems: 2 }],
      forgeable: ['mini/one', 'min/core/one', 'min/two'],
    });
    expect(page).toContain('verdicts on all 2 problems of min, mini/one, which');
  });

  it('shows a missing figure as a dash, never as 0', async () => {
    const data = realisticData();
    const [suite] = data.suites;
    if (suite === undefined) throw new Error('no suite');
    const nothing = {
      ...suite.base,
      func_at_1: null,
      func_sec_at_1: null,
      sec_ratio: null,
      sec_ratio_per_task: null,
      intervals: { func_at_1: null, func_sec_at_1: null, sec_ratio: null, sec_ratio_per_task: null },
      per_cwe: {},
      per_language: {},
    };
    const comparison = comparePaired([], []);
    const page = withoutStyle(
      await renderReport(realisticData({ suites: [{ ...suite, base: nothing, tuned: nothing, comparison }] })),
    );
    const cards = page.slice(page.indexOf('class="cards"'), page.indexOf('<h3>By weakness'));
    expect(cards.match(/<span class="base">–<\/span>/g)).toHaveLength(4);
    expect(cards.replace(/<div class="axis">.*?<\/div>/, '')).not.toMatch(/\d %(?! intervals)/);
    expect(cards).not.toContain('NaN');
    expect(cards).not.toContain('null');
  });

  it('says how sure a change is, and what was not trained on', async () => {
    const page = withoutStyle(await renderReport(realisticData()));
    expect(page).toContain('Chance alone would rarely make such a difference in func-sec@1: p = 0.004');
    expect(page).toMatch(
      /a true difference of \d+\.\d points in func-sec@1 would be found in four of five evaluations/,
    );
    expect(page).toContain('cross-site scripting</span> <span class="badge unseen">not trained on</span>');
    expect(page.match(/badge unseen/g)).toHaveLength(2);
    expect(page).toContain('Rows of fewer than 10 problems are no evidence by themselves.');
  });

  it('counts answers in which there was nothing to judge, by why', async () => {
    const data = realisticData();
    const [suite] = data.suites;
    if (suite === undefined) throw new Error('no suite');
    const suites = [{ ...suite, tuned: { ...suite.tuned, no_answer: 3, refused: 1 } }];
    expect(await renderReport(realisticData({ suites }))).toContain(
      'Without an answer, since their thinking was cut off: base 0, tuned 3; refused: base 0, tuned 1.',
    );
    expect(await renderReport(data)).not.toContain('Nothing to judge');
  });

  it('shows func@1 alone of a suite without security tests, and security alone of none', async () => {
    const data = realisticData();
    const [suite] = data.suites;
    if (suite === undefined) throw new Error('no suite');
    const only = (side: typeof suite.base) => ({ ...side, measures: ['functional' as const] });
    const suites = [{ ...suite, base: only(suite.base), tuned: only(suite.tuned) }];
    const page = withoutStyle(await renderReport(realisticData({ suites })));
    expect(page).toContain('func@1');
    expect(page).not.toMatch(/func-sec@1|SecRatio,/);
    expect(withoutStyle(await renderReport(data))).not.toMatch(/(?<!func-)sec@/);
  });

  it('works with nothing to show', async () => {
    const step = { tasks: 0, relevant: 0, traces: 0, samples: 0 };
    const data = realisticData({
      description: null,
      notices: [],
      suites: [],
      answers: [],
      traces: [],
      dropped: [],
      losses: [],
      artifacts: [],
      toolchains: {},
      forgeable: [],
      funnel: { schema: 2, total: step, by_language: {}, by_cwe: {}, filters: [] },
    });
    const page = withoutStyle(await renderReport(data));
    expect(page).toContain('Nothing was dropped.');
    expect(page).toContain('No loss was recorded.');
    expect(page).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
    expect(page).not.toContain('href="#answers"');
  });

  it('draws losses of any size, gaps and zeros included', async () => {
    const loss = (values: readonly (number | null)[]) =>
      realisticData({
        losses: values.map((value, index) => ({ step: index + 1, epoch: null, loss: value, learning_rate: null })),
      });
    for (const values of [[1], [null, null], [2, 1.5, 1.4], [3, null, 0.001], [1, 0], [1e-9, 1e9], [5, 5]]) {
      const page = await renderReport(loss(values));
      expect(page).toMatch(values.some((value) => value !== null) ? /<svg/ : /No loss was recorded/);
      expect(withoutStyle(page)).not.toMatch(/NaN|Infinity/);
    }
  });

  it('shows what was set aside beside the loss, what the steps were like, and what the run took of the machine', async () => {
    const page = withoutStyle(await renderReport(realisticData(), realisticRun));
    const aside = /<g class="mark-symbol[^"]*"[^>]*>(.*?)<\/g>/s.exec(page)?.[1] ?? '';
    expect(aside.match(/<path/g)).toHaveLength(10);
    expect(page).toContain('dashed, the loss on the samples that were set aside');
    expect(page).toContain('0.0559 at the end');
    expect(page).toContain('up to 0.00500, at the end 0.0000100');
    expect(page).toMatch(/median 0\.0\d+, at most 1\.21 \(step 1\)/);
    expect(page).toContain('1,834 tokens per second, 41 % of what the card can compute (MFU), with at most 71.3 GiB.');
    const losses = realisticData().losses.map(({ holdout_loss: _, ...line }) => line);
    const plain = withoutStyle(await renderReport(realisticData({ losses })));
    expect(plain).not.toContain('dashed');
    expect(plain).not.toMatch(/mark-symbol/);
    expect(plain).not.toContain('tokens per second');
  });

  it('says where a count of base and tuned differs', async () => {
    const data = realisticData();
    const [suite] = data.suites;
    if (suite === undefined) throw new Error('no suite');
    const python = { ...(suite.tuned.per_language.python as (typeof suite.tuned.per_language)[string]), samples: 3 };
    const tuned = { ...suite.tuned, per_language: { ...suite.tuned.per_language, python } };
    const page = await renderReport(realisticData({ suites: [{ ...suite, tuned }] }));
    expect(page).toContain(`<td>${suite.base.per_language.python?.samples} / 3</td>`);
  });
});

it('the page of a member of a sweep says which it is', async () => {
  const page = await renderReport(realisticData(), { ...realisticRun, member: 'seed=1' });
  expect(page).toContain(`<code>${realisticRun.run}</code> (seed=1) of secpi`);
});

describe('hostile text', () => {
  const attacks = [
    '<script>alert(1)</script>',
    '</pre></style></title><img src=x onerror=alert(1)>',
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '<!-- ${7*7} {{7*7}} &lt;b&gt; -->',
    'javascript:alert(1)',
  ];

  it.each(attacks)('stays text wherever it stands: %s', async (text) => {
    const plain = await renderReport(withEveryTextAs(realisticData(), 'x'), realisticRun);
    const page = await renderReport(withEveryTextAs(realisticData(), text), {
      ...realisticRun,
      host: text,
      run: text,
      member: text,
      stages: realisticRun.stages.map((stage) => ({ ...stage, stage: text })),
    });
    expect(skeleton(page)).toBe(skeleton(plain));
    expect(page).toContain(escapeHtml(text));
  });

  it('shows what cannot be seen', () => {
    expect(escapeHtml('a\u0000b\u001b[31mc\u202ed\u200be\ufefff\u0085')).toBe(
      'a⟨U+0000⟩b⟨U+001B⟩[31mc⟨U+202E⟩d⟨U+200B⟩e⟨U+FEFF⟩f⟨U+0085⟩',
    );
    expect(escapeHtml('one\r\ntwo\rthree\tfour\n')).toBe('one\ntwo\nthree\tfour\n');
    expect(escapeHtml('Grüße, 世界 🙂 e\u0301')).toBe('Grüße, 世界 🙂 e\u0301');
  });

  it('never leaves its element, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']/);
        expect(escapeHtml(text).replace(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
