import type { CaseResult } from '../../suites/suite.js';
import { type Html, html } from './html.js';
import type { ReportAnswers, ReportData, ReportTrace } from './report-data.js';

/** The same question to both models, with what the tests said about their code. */
export function answersSection({ answers, weaknesses: names, compared: [from, to] }: ReportData): Html | null {
  if (answers.length === 0) return null;
  return html`<section id="answers"><h2>The same question, before and after</h2>
<p class="quiet">Both answers work; only that of ${to} is secure.</p>
${answers.map(
  (
    answer,
  ) => html`<div class="example"><h3>${answer.problem} <span class="quiet">${answer.language}, ${named(answer.cwes, names)}</span></h3>
${answer.question === null ? null : html`<p class="question">${answer.question}</p>`}
<div class="pair">${side('base', from, answer.base)}${side('tuned', to, answer.tuned)}</div></div>`,
)}
</section>`;
}

function side(role: 'base' | 'tuned', name: string, { reasoning, code, cases }: ReportAnswers['base']): Html {
  return html`<div><h4><span class="${role}">${name}</span>${badge('functional', cases)}${badge('security', cases)}</h4>
<pre>${code ?? ''}</pre>
<ul class="cases">${cases.map((one) => html`<li class="${one.verdict}">${one.kind}: ${one.name}${one.why === '' ? null : html` <span class="quiet">${one.why}</span>`}</li>`)}</ul>
${reasoning === null ? null : html`<details><summary>what it thought</summary><pre class="prose">${reasoning}</pre></details>`}</div>`;
}

function badge(kind: CaseResult['kind'], cases: readonly CaseResult[]): Html | null {
  const all = cases.filter((one) => one.kind === kind);
  if (all.length === 0) return null;
  const passed = all.filter((one) => one.verdict === 'pass').length;
  const verdict = all.some((one) => one.verdict === 'fail') ? 'fail' : passed === all.length ? 'pass' : 'unverified';
  return html`<span class="badge ${verdict}">${kind} ${passed} of ${all.length}</span>`;
}

/** A few of the samples that the model was trained on. */
export function tracesSection(traces: readonly ReportTrace[], names: ReportData['weaknesses']): Html {
  return html`<section id="samples"><h2>What it was trained on</h2>
<p class="quiet">The task stands there as its user wrote it, without any word about security; the reasoning is what the model learns to do by itself.</p>
${traces.map(
  ({
    language,
    cwes,
    prompt,
    reasoning,
    answer,
  }) => html`<div class="example"><h3>${named(cwes, names)} <span class="quiet">${language}</span></h3>
<div class="label">task</div><pre class="prose">${prompt}</pre>
<div class="label">reasoning</div><pre class="prose">${reasoning}</pre>
<details><summary>answer</summary><pre>${answer}</pre></details></div>`,
)}
</section>`;
}

/** `CWE-89 SQL injection, CWE-22 path traversal` */
function named(cwes: readonly string[], names: ReportData['weaknesses']): string {
  return cwes.map((id) => (names[id] === undefined ? id : `${id} ${names[id]}`)).join(', ');
}
