import type { Rates } from '../../suites/figures/metrics.js';
import { intervalPlot } from './charts.js';
import { integer, percent, percentInterval, points, pointsInterval } from './format.js';
import { type Html, html } from './html.js';
import type { ReportData, ReportSuite } from './report-data.js';

const figures = [
  ['func@1', 'func_at_1', 'answers that pass the functional tests'],
  ['func-sec@1', 'func_sec_at_1', 'answers that pass the functional and the security tests'],
  ['SecRatio', 'sec_ratio', 'of the working answers, those that are secure'],
] as const;

type Compared = ReportData['compared'];

/** What one benchmark says: the three figures of base and tuned model, in all, by weakness and by language; and those of all variants. */
export function suiteSection(
  suite: ReportSuite,
  { weaknesses: names, compared }: Pick<ReportData, 'weaknesses' | 'compared'>,
): Html {
  const { base, tuned } = suite;
  const [from, to] = compared;
  return html`<section id="suite-${suite.name}">
<h2>Results on ${suite.name}</h2>
<p class="quiet">${integer(suite.problems)} problems; ${from} ${answersOf(base)}, ${to} ${answersOf(tuned)}.</p>
${headline(suite)}
${figureTable(suite, compared)}
${variantTable(suite)}
<h3>By weakness</h3>
${breakdown(suite, 'per_cwe', 'weakness', names, compared)}
<h3>By language</h3>
${breakdown(suite, 'per_language', 'language', {}, compared)}
</section>`;
}

function answersOf({ samples, unverified }: Rates): string {
  return `${integer(samples)} answers${unverified === 0 ? '' : ` and ${integer(unverified)} that could not be checked`}`;
}

function headline({ base, tuned, comparison }: ReportSuite): Html {
  return html`<div class="cards">${figures.map(
    ([name, key, meaning]) =>
      html`<div class="card"><div class="name">${name}</div><div class="quiet">${meaning}</div>
<div class="big"><span class="base">${percent(base[key])}</span> <span class="arrow">→</span> <span class="tuned">${percent(tuned[key])}</span></div>
<div class="quiet">${points(comparison[key]?.estimate ?? null)} points ${pointsInterval(comparison[key]?.interval ?? null)}</div></div>`,
  )}</div>`;
}

function cell(value: string, interval: string): Html {
  return html`${value}${interval === '' ? null : html`<small>${interval}</small>`}`;
}

/** Whoever was asked besides the two that are compared; `null` when nobody was. */
function variantTable({ variants }: ReportSuite): Html | null {
  const all = Object.entries(variants);
  if (all.length <= 2) return null;
  return html`<h3>All variants</h3>
<div class="scroll"><table>
<thead><tr><th>variant</th>${figures.map(([name]) => html`<th>${name}</th>`)}<th>answers</th></tr></thead>
<tbody>${all.map(
    ([name, rates]) =>
      html`<tr><td class="label-cell">${name}</td>${figures.map(([, key]) => html`<td>${cell(percent(rates[key]), percentInterval(rates.intervals[key]))}</td>`)}<td>${integer(rates.samples)}</td></tr>`,
  )}</tbody>
</table></div>`;
}

function figureTable({ base, tuned, comparison }: ReportSuite, [from, to]: Compared): Html {
  return html`<div class="scroll"><table>
<caption>With 95 % intervals over problems; the change is paired by problem.</caption>
<thead><tr><th>figure</th><th class="plotted"><div class="axis"><span>0 %</span><span>50 %</span><span>100 %</span></div></th><th class="base">${from}</th><th class="tuned">${to}</th><th>change</th></tr></thead>
<tbody>${figures.map(([name, key]) => {
    const change = comparison[key];
    const shares = [
      { name: 'base', value: base[key], interval: base.intervals[key] },
      { name: 'tuned', value: tuned[key], interval: tuned.intervals[key] },
    ] as const;
    return html`<tr><td>${name}</td><td class="plotted">${intervalPlot(shares)}</td><td>${cell(percent(base[key]), percentInterval(base.intervals[key]))}</td><td>${cell(percent(tuned[key]), percentInterval(tuned.intervals[key]))}</td><td>${cell(points(change?.estimate ?? null), pointsInterval(change?.interval ?? null))}</td></tr>`;
  })}</tbody>
</table></div>`;
}

function breakdown(
  suite: ReportSuite,
  key: 'per_cwe' | 'per_language',
  heading: string,
  names: Readonly<Record<string, string>>,
  [from, to]: Compared,
): Html {
  const rows = Object.entries(suite.base[key]).map(([label, base]) => ({
    label,
    base,
    tuned: suite.tuned[key][label],
  }));
  const anyUnverified = rows.some(({ base, tuned }) => base.unverified + (tuned?.unverified ?? 0) > 0);
  const pair = (before: number | null, after: number | null) =>
    html`<td>${percent(before, 0)}</td><td class="${direction(before, after)}">${percent(after, 0)}</td>`;
  const heads = html`<th class="base">${from}</th><th class="tuned">${to}</th>`;
  return html`<div class="scroll"><table>
<thead><tr><th></th><th colspan="2">func@1</th><th colspan="2">func-sec@1</th><th></th><th></th>${anyUnverified ? html`<th></th>` : null}</tr>
<tr><th>${heading}</th>${heads}${heads}<th>problems</th><th>answers</th>${anyUnverified ? html`<th>unchecked</th>` : null}</tr></thead>
<tbody>${rows.map(
    ({ label, base, tuned }) =>
      html`<tr><td class="label-cell">${label}${names[label] === undefined ? null : html` <span class="quiet">${names[label]}</span>`}</td>${pair(base.func_at_1, tuned?.func_at_1 ?? null)}${pair(base.func_sec_at_1, tuned?.func_sec_at_1 ?? null)}<td>${both(base.problems, tuned?.problems)}</td><td>${both(base.samples, tuned?.samples)}</td>${anyUnverified ? html`<td>${both(base.unverified, tuned?.unverified)}</td>` : null}</tr>`,
  )}</tbody>
</table></div>`;
}

function direction(before: number | null, after: number | null): string {
  if (before === null || after === null || before === after) return '';
  return after > before ? 'up' : 'down';
}

/** A count of base and tuned, which are the same unless an answer of only one of them could be checked. */
function both(base: number, tuned = 0): string {
  return base === tuned ? integer(base) : `${integer(base)} / ${integer(tuned)}`;
}
