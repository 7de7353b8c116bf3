import { comparisonChart, lossChart } from './charts.js';
import { dollars, duration, integer, percent, percentInterval, points, pointsInterval } from './format.js';
import { type Html, html } from './html.js';
import type { ReportAnswers, ReportData, ReportRun, ReportSuite } from './report-data.js';
import { style } from './style.js';

/** The whole page. `run` adds what one run knows about time and money; the artifact is rendered without it. */
export async function renderReport(data: ReportData, title?: string, run?: ReportRun): Promise<string> {
  const heading = title ?? `${data.base.name}, tuned with ${data.recipe}`;
  const suites: Html[] = [];
  for (const suite of data.suites) suites.push(suiteSection(suite, await comparisonChart(suite)));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${heading}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${heading}</h1>
${data.description === null ? null : html`<p>${data.description}</p>`}
${data.notices.map((notice) => html`<p class="notice">${notice}</p>`)}
</header>
${suites}
${answersSection(data.answers)}
${funnelSection(data)}
${trainingSection(data, await lossChart(data.losses))}
${tracesSection(data)}
${runSection(run)}
${provenanceSection(data)}
<footer>Made by secpi. The method is that of SecPI (arXiv 2604.03587), re-measured; the paper's own prompts, data and settings are not public. Intervals: 95 %, bootstrap over problems.</footer>
</body>
</html>
`;
  return page.toString();
}

const figures = [
  ['func@1', 'func_at_1', 'answers that pass the functional tests'],
  ['func-sec@1', 'func_sec_at_1', 'answers that pass the functional and the security tests'],
  ['SecRatio', 'sec_ratio', 'of the working answers, those that are secure'],
] as const;

function suiteSection(suite: ReportSuite, chart: Html): Html {
  const { base, tuned, comparison } = suite;
  return html`<section>
<h2>Suite ${suite.name}</h2>
<div class="cards">${figures.map(
    ([name, key]) =>
      html`<div class="card"><div class="name">${name}</div><div class="big"><span class="base">${percent(base[key])}</span> → <span class="tuned">${percent(tuned[key])}</span></div><div class="quiet">${points(comparison[key]?.estimate ?? null)} points ${pointsInterval(comparison[key]?.interval ?? null)}</div></div>`,
  )}</div>
<figure>${chart}<figcaption>Dots: rates; lines: 95 % intervals.</figcaption></figure>
<div class="scroll"><table>
<caption>${integer(suite.problems)} problems; base ${samplesOf(base)}, tuned ${samplesOf(tuned)}. The change is paired by problem.</caption>
<tr><th>figure</th><th class="base">base</th><th></th><th class="tuned">tuned</th><th></th><th>change (points)</th><th></th></tr>
${figures.map(
  ([name, key, meaning]) =>
    html`<tr><td>${name} <span class="quiet">${meaning}</span></td><td>${percent(base[key])}</td><td class="quiet">${percentInterval(base.intervals[key])}</td><td>${percent(tuned[key])}</td><td class="quiet">${percentInterval(tuned.intervals[key])}</td><td>${points(comparison[key]?.estimate ?? null)}</td><td class="quiet">${pointsInterval(comparison[key]?.interval ?? null)}</td></tr>`,
)}
</table></div>
<h3>By weakness</h3>
${breakdown(suite, 'per_cwe', 'weakness')}
<h3>By language</h3>
${breakdown(suite, 'per_language', 'language')}
</section>`;
}

function samplesOf({ samples, unverified }: ReportSuite['base']): string {
  return `${integer(samples)} answers${unverified === 0 ? '' : ` (${integer(unverified)} more unverified)`}`;
}

function breakdown(suite: ReportSuite, key: 'per_cwe' | 'per_language', name: string): Html {
  const rows = Object.entries(suite.base[key]).map(([label, base]) => ({
    label,
    base,
    tuned: suite.tuned[key][label],
  }));
  return html`<div class="scroll"><table>
<tr><th>${name}</th><th>problems</th><th>answers</th><th class="base">func@1</th><th class="tuned">func@1</th><th class="base">func-sec@1</th><th class="tuned">func-sec@1</th></tr>
${rows.map(
  ({ label, base, tuned }) =>
    html`<tr><td>${label}</td><td>${base.problems}</td><td>${base.samples}${base.unverified === 0 ? '' : ` + ${base.unverified} unverified`}</td><td>${percent(base.func_at_1, 0)}</td><td>${percent(tuned?.func_at_1 ?? null, 0)}</td><td>${percent(base.func_sec_at_1, 0)}</td><td>${percent(tuned?.func_sec_at_1 ?? null, 0)}</td></tr>`,
)}
</table></div>`;
}

function answersSection(answers: readonly ReportAnswers[]): Html | null {
  if (answers.length === 0) return null;
  const side = (name: 'base' | 'tuned', { reasoning, code, cases }: ReportAnswers['base']) => html`<div>
<h3 class="${name}">${name}</h3>
<pre>${code ?? ''}</pre>
<ul class="cases">${cases.map((one) => html`<li class="${one.verdict}">${one.kind}: ${one.name}${one.why === '' ? '' : ` (${one.why})`}</li>`)}</ul>
${reasoning === null ? null : html`<details><summary>what it thought</summary><pre class="prose">${reasoning}</pre></details>`}
</div>`;
  return html`<section><h2>The same question, before and after</h2>
${answers.map((answer) => html`<h3>${answer.problem} <span class="quiet">${answer.language}, ${answer.cwes.join(', ')}</span></h3><div class="pair">${side('base', answer.base)}${side('tuned', answer.tuned)}</div>`)}
</section>`;
}

function funnelSection({ funnel, dropped }: ReportData): Html {
  const row = (label: string, step: ReportData['funnel']['total'], tasks = true) =>
    html`<tr><td>${label}</td><td>${tasks ? integer(step.tasks) : ''}</td><td>${integer(step.relevant)}</td><td>${integer(step.traces)}</td><td>${integer(step.samples)}</td></tr>`;
  const head = (name: string) =>
    html`<tr><th>${name}</th><th>tasks</th><th>relevant</th><th>traces</th><th>samples</th></tr>`;
  return html`<section><h2>From tasks to training samples</h2>
<div class="scroll"><table>${head('language')}${row('all', funnel.total)}${Object.entries(funnel.by_language).map(([language, step]) => row(language, step))}</table></div>
<details><summary>by weakness</summary><div class="scroll"><table>${head('weakness')}${Object.entries(funnel.by_cwe).map(([cwe, step]) => row(cwe, step, false))}</table></div></details>
${
  dropped.length === 0
    ? html`<p class="quiet">Nothing was dropped.</p>`
    : html`<div class="scroll"><table><caption>What was dropped; every record is kept aside with its reason.</caption><tr><th>stage</th><th class="text">reason</th><th>records</th></tr>${dropped.map(({ stage, reason, count }) => html`<tr><td>${stage}</td><td class="text"><code>${reason}</code></td><td>${integer(count)}</td></tr>`)}</table></div>`
}
</section>`;
}

function trainingSection({ trained, base }: ReportData, chart: Html): Html {
  const loss = (value: number | null) => (value === null ? '–' : value.toFixed(4));
  const rows: readonly (readonly [string, string])[] = [
    ['base model', `${base.name}${base.revision === null ? '' : ` at ${base.revision}`} (${base.origin})`],
    ['method', `${trained.method}, by ${trained.trainer}`],
    ['samples', `${integer(trained.prepared.kept)} of ${integer(trained.prepared.rows)} trained on`],
    ['steps', `${integer(trained.steps)} (${trained.epochs.toFixed(1)} passes over the samples)`],
    ['tokens', `${integer(trained.tokens)} seen`],
    ['parameters', `${integer(trained.trainable_parameters)} trained of ${integer(trained.total_parameters)}`],
    ['loss', `${loss(trained.first_loss)} → ${loss(trained.final_loss)}`],
    [
      'merge check',
      trained.merge_difference === null
        ? 'not merged'
        : `largest relative difference of a logit ${trained.merge_difference.toExponential(1)}`,
    ],
  ];
  return html`<section><h2>Training</h2>
<figure>${chart}<figcaption>Training loss by step.</figcaption></figure>
<table>${rows.map(([name, value]) => html`<tr><td>${name}</td><td class="text">${value}</td></tr>`)}</table>
</section>`;
}

function tracesSection({ traces }: ReportData): Html {
  return html`<section><h2>What it was trained on</h2>
<p class="quiet">The task stands there as its user wrote it, without any word about security; the reasoning is what the model learns to do by itself.</p>
${traces.map(
  ({ language, cwes, prompt, reasoning, answer }) => html`<h3>${language}, ${cwes.join(', ')}</h3>
<pre class="prose">${prompt}</pre><details open><summary>reasoning</summary><pre class="prose">${reasoning}</pre></details><details><summary>answer</summary><pre>${answer}</pre></details>`,
)}
</section>`;
}

function runSection(run: ReportRun | undefined): Html | null {
  if (run === undefined) return null;
  const cost = run.stages.reduce((sum, stage) => sum + stage.cost_usd, 0);
  return html`<section><h2>This run</h2>
<p class="quiet">Run <code>${run.run}</code> of secpi ${run.version}, started ${run.started_at} on ${run.host}: ${run.outcome} after ${duration(run.seconds)}. Asking models cost ${dollars(cost)} in all.</p>
<div class="scroll"><table><tr><th>stage</th><th class="text">outcome</th><th>in this run</th><th>when it was made</th><th>cost</th></tr>
${run.stages.map((stage) => html`<tr><td>${stage.stage}</td><td class="text">${stage.outcome}</td><td>${duration(stage.seconds)}</td><td>${stage.made_in_seconds === null ? '–' : duration(stage.made_in_seconds)}</td><td>${dollars(stage.cost_usd)}</td></tr>`)}
</table></div></section>`;
}

function provenanceSection({ artifacts, sandbox, toolchains }: ReportData): Html {
  const tools = new Map(artifacts.flatMap((artifact) => Object.entries(artifact.tools)));
  return html`<section><h2>What this rests on</h2>
<div class="scroll"><table><tr><th>stage</th><th class="text">fingerprint</th><th class="text">digest of the result</th><th>tokens in</th><th>tokens out</th></tr>
${artifacts.map(({ stage, fingerprint, digest, tokens }) => html`<tr><td>${stage}</td><td class="text"><code>${fingerprint.slice(0, 16)}</code></td><td class="text"><code>${digest.slice(0, 16)}</code></td><td>${integer(tokens.input)}</td><td>${integer(tokens.output)}</td></tr>`)}
</table></div>
<details><summary>pins</summary><pre>${artifacts.map(({ stage, pins }) => `${stage} ${JSON.stringify(pins, null, 2)}\n`)}</pre></details>
<p class="quiet">Sandbox: ${sandbox.kind} ${sandbox.version}, network ${sandbox.network}, system call filter ${sandbox.seccomp ? 'on' : 'off'}${sandbox.notes.map((note) => `; ${note}`)}. Toolchains: ${Object.entries(toolchains).map(([language, version], index) => `${index === 0 ? '' : ', '}${language} ${version}`)}. Trainer: ${[...tools].map(([name, version], index) => `${index === 0 ? '' : ', '}${name} ${version}`)}.</p>
</section>`;
}
