import { lossChart } from './charts.js';
import { answersSection, tracesSection } from './example-sections.js';
import { integer } from './format.js';
import { type Html, html } from './html.js';
import { funnelSection, provenanceSection, runSection, trainingSection } from './record-sections.js';
import type { ReportData, ReportRun } from './report-data.js';
import { style } from './style.js';
import { suiteSection } from './suite-section.js';

/**
 * The whole page. `run` adds what one run knows about time and money; the artifact is rendered without it. A loss chart that was
 * drawn before need not be drawn again.
 */
export async function renderReport(data: ReportData, run?: ReportRun, chart?: Html | null): Promise<string> {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${data.title}</title>
<style>${style}</style>
</head>
<body>
${header(data, run)}
${data.suites.map((suite) => suiteSection(suite, data))}
${answersSection(data)}
${funnelSection(data)}
${trainingSection(data, chart === undefined ? await lossChart(data.losses) : chart)}
${tracesSection(data.traces, data.weaknesses)}
${runSection(run)}
${provenanceSection(data)}
<footer>Made by secpi. The method is that of SecPI (arXiv 2604.03587), re-measured; the paper's own prompts, data and settings are not public. Intervals: 95 %; exact binomial with one answer to each problem, otherwise Student's t over problems, from ten problems on.</footer>
</body>
</html>
`;
  return page.toString();
}

function header({ title, description, notices, suites, answers, base, trained }: ReportData, run?: ReportRun): Html {
  const contents = [
    ...suites.map(({ name }) => [`suite-${name}`, `Results on ${name}`] as const),
    ...(answers.length === 0 ? [] : [['answers', 'Before and after'] as const]),
    ['data', 'Data'] as const,
    ['training', 'Training'] as const,
    ['samples', 'Samples'] as const,
    ...(run === undefined ? [] : [['run', 'This run'] as const]),
    ['provenance', 'Provenance'] as const,
  ];
  return html`<header>
<p class="kicker">Report by secpi: ${base.name}, ${trained.method} on ${integer(trained.prepared.kept)} samples, ${integer(trained.steps)} steps</p>
<h1>${title}</h1>
${description === null ? null : html`<p class="lead">${description}</p>`}
${notices.length === 0 ? null : html`<div class="notice">${notices.map((notice) => html`<p>${notice}</p>`)}</div>`}
<nav>${contents.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
</header>`;
}
