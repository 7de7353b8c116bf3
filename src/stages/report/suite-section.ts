import { figuresOf } from '../../suites/figures/figure-names.js';
import { FEWEST_PROBLEMS } from '../../suites/figures/interval.js';
import type { PairedDifference, Rates } from '../../suites/figures/metrics.js';
import type { OfficialFigure } from '../../suites/suite.js';
import { intervalPlot } from './charts.js';
import { integer, percent, percentInterval, points, pointsInterval, probability } from './format.js';
import { type Html, html } from './html.js';
import type { ReportData, ReportSuite } from './report-data.js';
import { answerNotes, certaintyNotes } from './suite-notes.js';

type Compared = ReportData['compared'];

/**
 * What one benchmark says: the figures of the two variants that are compared, how sure they are, and the same by weakness, language and
 * group; and those of all variants.
 */
export function suiteSection(
  suite: ReportSuite,
  { weaknesses: names, compared }: Pick<ReportData, 'weaknesses' | 'compared'>,
): Html {
  const { base, tuned, unseen } = suite;
  const [from, to] = compared;
  const groups = Object.keys(base.per_group);
  return html`<section id="suite-${suite.name}">
<h2>Results on ${suite.name}</h2>
<p class="quiet">${integer(suite.problems)} problems; ${from} ${answersOf(base)}, ${to} ${answersOf(tuned)}.</p>
${headline(suite)}
${figureTable(suite, compared)}
${variantTable(suite)}
${officialTable(suite, compared)}
${certaintyNotes(suite).map((note) => html`<p>${note}</p>`)}
${answerNotes(suite).map((note) => html`<p>${note}</p>`)}
<h3>By weakness</h3>
${breakdown(suite, { key: 'per_cwe', heading: 'weakness', names, unseen: unseen.cwes }, compared)}
<h3>By language</h3>
${breakdown(suite, { key: 'per_language', heading: 'language', names: {}, unseen: unseen.languages }, compared)}
${groups.length === 0 ? null : html`<h3>By part of the suite</h3>${breakdown(suite, { key: 'per_group', heading: 'part', names: {}, unseen: [] }, compared)}`}
</section>`;
}

function answersOf({ samples, unverified }: Rates): string {
  return `${integer(samples)} answers${unverified === 0 ? '' : ` and ${integer(unverified)} that could not be checked`}`;
}

function headline({ base, tuned, comparison }: ReportSuite): Html {
  return html`<div class="cards">${figuresOf(tuned.measures).map(
    ({ key, label, meaning }) =>
      html`<div class="card"><div class="name">${label}</div><div class="quiet">${meaning}</div>
<div class="big"><span class="base">${percent(base[key])}</span> <span class="arrow">→</span> <span class="tuned">${percent(tuned[key])}</span></div>
<div class="quiet">${changeText(comparison[key])}</div></div>`,
  )}</div>`;
}

function cell(value: string, interval: string): Html {
  return html`${value}${interval === '' ? null : html`<small>${interval}</small>`}`;
}

/** Whoever was asked besides the two that are compared; `null` when nobody was. */
function variantTable({ variants, tuned }: ReportSuite): Html | null {
  const all = Object.entries(variants);
  if (all.length <= 2) return null;
  const figures = figuresOf(tuned.measures);
  return html`<h3>All variants</h3>
<div class="scroll"><table>
<thead><tr><th>variant</th>${figures.map(({ label }) => html`<th>${label}</th>`)}<th>answers</th></tr></thead>
<tbody>${all.map(
    ([name, rates]) =>
      html`<tr><td class="label-cell">${name}</td>${figures.map(({ key }) => html`<td>${cell(percent(rates[key]), percentInterval(rates.intervals[key]))}</td>`)}<td>${integer(rates.samples)}</td></tr>`,
  )}</tbody>
</table></div>`;
}

/** What the suite's own harness would report, in each reading; `null` where it has none. */
function officialTable({ official = {} }: ReportSuite, [from, to]: Compared): Html | null {
  const before = official[from] ?? [];
  const after = official[to] ?? [];
  const readings = [...new Set([...before, ...after].map(({ reading }) => reading))];
  if (readings.length === 0) return null;
  const keyOf = ({ part, name }: Pick<OfficialFigure, 'part' | 'name'>) => `${part} ${name}`;
  const rows = new Map([...before, ...after].map((figure) => [keyOf(figure), figure]));
  const shown = (figures: readonly OfficialFigure[], reading: string, key: string) => {
    const figure = figures.find((one) => one.reading === reading && keyOf(one) === key);
    return html`<td>${percent(figure?.value ?? null)}</td>`;
  };
  return html`<h3>By the benchmark’s own harness</h3>
<div class="scroll"><table>
<caption>As its harness would report these verdicts (${readings.join(', ')}): the figures to hold against published ones. Where they differ from those above, the documentation of the suite says why.</caption>
<thead><tr><th></th><th></th>${readings.map((reading) => html`<th colspan="2">${reading}</th>`)}</tr>
<tr><th>part</th><th>figure</th>${readings.map(() => html`<th class="base">${from}</th><th class="tuned">${to}</th>`)}</tr></thead>
<tbody>${[...rows].map(
    ([key, { part, name }]) =>
      html`<tr><td class="label-cell">${part || 'all'}</td><td>${name}</td>${readings.map((reading) => html`${shown(before, reading, key)}${shown(after, reading, key)}`)}</tr>`,
  )}</tbody>
</table></div>`;
}

/** A change that chance may have made is said to be one where the figure stands largest. */
function changeText(change: PairedDifference | null): string {
  if (change === null) return 'no difference can be told';
  const interval =
    change.interval === null ? ', how sure is not known' : ` ${pointsInterval(change.interval).replace(' ', '\u00a0')}`;
  return `${points(change.estimate)} points${interval}${change.estimate !== 0 && perhapsChance(change) ? '; may be chance' : ''}`;
}

function perhapsChance({ interval, p_value }: PairedDifference): boolean {
  if (p_value !== null) return p_value >= 0.05;
  return interval !== null && interval[0] <= 0 && interval[1] >= 0;
}

function figureTable({ base, tuned, comparison }: ReportSuite, [from, to]: Compared): Html {
  return html`<div class="scroll"><table>
<caption>In brackets and as bars: 95 % intervals. The change is paired by problem; p: sign-flip test over problems, which there is not for SecRatio.</caption>
<thead><tr><th>figure</th><th class="plotted"><div class="axis"><span>0 %</span><span>50 %</span><span>100 %</span></div></th><th class="base">${from}</th><th class="tuned">${to}</th><th>change, in points</th><th>p</th></tr></thead>
<tbody>${figuresOf(tuned.measures).map(({ key, label }) => {
    const change = comparison[key];
    const shares = [
      { name: 'base', value: base[key], interval: base.intervals[key] },
      { name: 'tuned', value: tuned[key], interval: tuned.intervals[key] },
    ] as const;
    return html`<tr><td>${label}</td><td class="plotted">${intervalPlot(shares)}</td><td>${cell(percent(base[key]), percentInterval(base.intervals[key]))}</td><td>${cell(percent(tuned[key]), percentInterval(tuned.intervals[key]))}</td><td>${cell(points(change?.estimate ?? null), pointsInterval(change?.interval ?? null))}</td><td>${probability(change?.p_value ?? null)}</td></tr>`;
  })}</tbody>
</table></div>`;
}

interface Breakdown {
  readonly key: 'per_cwe' | 'per_language' | 'per_group';
  readonly heading: string;
  readonly names: Readonly<Record<string, string>>;
  readonly unseen: readonly string[];
}

function breakdown(suite: ReportSuite, { key, heading, names, unseen }: Breakdown, [from, to]: Compared): Html {
  const rows = Object.entries(suite.base[key]).map(([label, base]) => ({
    label,
    base,
    tuned: suite.tuned[key][label],
  }));
  const figures = figuresOf(suite.tuned.measures).filter(({ key: figure }) => figure.endsWith('_at_1'));
  const anyUnverified = rows.some(({ base, tuned }) => base.unverified + (tuned?.unverified ?? 0) > 0);
  const anyFew = rows.some(({ base }) => base.problems < FEWEST_PROBLEMS);
  const cells = ({ base, tuned }: (typeof rows)[number]) =>
    figures.map(({ key: figure }) => {
      const [before, after] = [base[figure], tuned?.[figure] ?? null];
      const change = base.problems < FEWEST_PROBLEMS ? '' : direction(before, after);
      return html`<td>${percent(before, 0)}</td><td class="${change}">${percent(after, 0)}</td>`;
    });
  const mark = html` <span class="badge unseen">not trained on</span>`;
  return html`<div class="scroll"><table>
${caption(anyFew, unseen.length > 0)}
<thead><tr><th></th><th></th><th></th>${figures.map(({ label }) => html`<th colspan="2">${label}</th>`)}${anyUnverified ? html`<th></th>` : null}</tr>
<tr><th>${heading}</th><th>problems</th><th>answers</th>${figures.map(() => html`<th class="base">${from}</th><th class="tuned">${to}</th>`)}${anyUnverified ? html`<th>unchecked</th>` : null}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><td class="label-cell">${row.label}${names[row.label] === undefined ? null : html` <span class="quiet">${names[row.label]}</span>`}${unseen.includes(row.label) ? mark : null}</td><td>${both(row.base.problems, row.tuned?.problems)}</td><td>${both(row.base.samples, row.tuned?.samples)}</td>${cells(row)}${anyUnverified ? html`<td>${both(row.base.unverified, row.tuned?.unverified)}</td>` : null}</tr>`,
  )}</tbody>
</table></div>`;
}

function caption(few: boolean, unseen: boolean): Html | null {
  const notes = [
    ...(few ? [`Rows of fewer than ${FEWEST_PROBLEMS} problems are no evidence by themselves.`] : []),
    ...(unseen ? ['Marked: no training sample has it, so a gain there is one that carried over.'] : []),
  ];
  return notes.length === 0 ? null : html`<caption>${notes.join(' ')}</caption>`;
}

function direction(before: number | null, after: number | null): string {
  if (before === null || after === null || before === after) return '';
  return after > before ? 'up' : 'down';
}

/** A count of base and tuned, which are the same unless an answer of only one of them could be checked. */
function both(base: number, tuned = 0): string {
  return base === tuned ? integer(base) : `${integer(base)} / ${integer(tuned)}`;
}
