import { median } from '../../base/median.js';
import { samplesIn } from '../curate/records.js';
import { dollars, duration, integer, parameters } from './format.js';
import { type Html, html } from './html.js';
import type { ReportData, ReportRun } from './report-data.js';

const steps = ['tasks', 'relevant', 'traces', 'samples'] as const;

/** How many records were left after each step, and why the others were dropped. */
export function funnelSection(data: ReportData): Html {
  const { funnel, dropped, weaknesses } = data;
  const most = Math.max(1, ...steps.map((step) => funnel.total[step]));
  const head = (name: string, shown: readonly string[]) =>
    html`<thead><tr><th>${name}</th>${shown.map((step) => html`<th>${step}</th>`)}</tr></thead>`;
  // Nobody knows a task's weaknesses before the filter, so a count of tasks by weakness would be a made-up 0.
  const labelled = steps.slice(1);
  return html`<section id="data"><h2>From tasks to training samples</h2>
<ol class="steps">${steps.map(
    (step) =>
      html`<li><strong>${integer(funnel.total[step])}</strong>${step}<div class="bar"><span style="width:${((funnel.total[step] / most) * 100).toFixed(1)}%"></span></div></li>`,
  )}</ol>
<div class="scroll"><table>${head('language', steps)}<tbody>${Object.entries(funnel.by_language).map(([language, row]) => html`<tr><td>${language}</td>${steps.map((step) => html`<td>${integer(row[step])}</td>`)}</tr>`)}</tbody></table></div>
<details><summary>by weakness</summary><div class="scroll"><table>${head('weakness', labelled)}<tbody>${Object.entries(funnel.by_cwe).map(([cwe, row]) => html`<tr><td>${cwe}${weaknesses[cwe] === undefined ? null : html` <span class="quiet">${weaknesses[cwe]}</span>`}</td>${labelled.map((step) => html`<td>${integer(row[step])}</td>`)}</tr>`)}</tbody></table></div></details>
${filtersTable(funnel)}
${mixParagraph(funnel)}
<p>Before the training every sample was compared with the suites: ${sharedText(data)}.</p>
${
  dropped.length === 0
    ? html`<p class="quiet">Nothing was dropped.</p>`
    : html`<h3>What was dropped</h3><div class="scroll"><table><caption>Every record is kept aside with its reason.</caption><thead><tr><th>stage</th><th class="text">reason</th><th>records</th></tr></thead><tbody>${dropped.map(({ stage, reason, count }) => html`<tr><td>${stage}</td><td class="text"><code>${reason}</code></td><td>${integer(count)}</td></tr>`)}</tbody></table></div>`
}
</section>`;
}

function sharedText({ in_samples, funnel }: ReportData): string {
  const of = Object.entries(in_samples).map(([suite, held]) => {
    const share = held === 0 ? 'none' : `${integer(held)} of ${integer(samplesIn(funnel))}`;
    return `${share} ${held > 1 ? 'hold' : 'holds'} tasks, tests or solutions of ${suite}`;
  });
  return of.join(', ');
}

/** Ordinary samples beside those. */
function mixParagraph({ mix, total }: ReportData['funnel']): Html | null {
  if (mix === undefined) return null;
  const dropped = Object.entries(mix.dropped).map(([reason, count]) => `${integer(count)} × ${reason}`);
  return html`<p>Beside these ${integer(total.samples)} samples stand ${integer(mix.samples)} ordinary ones (a share of ${mix.share}), drawn from ${integer(mix.rows)} rows that others made${dropped.length === 0 ? '' : `; dropped when their turn came: ${dropped.join(', ')}`}.</p>`;
}

/** What each filter of the traces has to do with the result: an ablation without running anything again. */
function filtersTable({ filters, total }: ReportData['funnel']): Html | null {
  const shown = filters.filter(({ on, objects, unverified }) => on || objects > 0 || unverified > 0);
  if (shown.length === 0) return null;
  return html`<details><summary>by filter</summary><div class="scroll"><table><caption>Of ${integer(total.traces)} traces. “Objects to” counts each filter by itself, “alone” the traces that only this one drops: so many more samples there would be without it. What is unverified could not be looked at, and is kept. One that is off only says what it would do.</caption><thead><tr><th>filter</th><th class="text">switched</th><th>objects to</th><th>alone</th><th>unverified</th></tr></thead><tbody>${shown.map(
    ({ filter, on, objects, alone, unverified }) =>
      html`<tr><td>${filter}</td><td class="text">${on ? 'on' : 'off'}</td><td>${integer(objects)}</td><td>${on ? integer(alone) : '–'}</td><td>${integer(unverified)}</td></tr>`,
  )}</tbody></table></div></details>`;
}

/** What training did, with its loss curve. */
export function trainingSection({ trained, base, losses }: ReportData, chart: Html | null): Html {
  const loss = (value: number | null) => (value === null ? '–' : value.toFixed(4));
  const rows: readonly (readonly [string, string])[] = [
    [
      'base model',
      `${base.name}${base.revision === null ? '' : ` at ${base.revision}`} (${originText[base.origin] ?? base.origin})`,
    ],
    ['method', `${trained.method}, by ${trained.trainer}`],
    ['samples', `${integer(trained.prepared.kept)} of ${integer(trained.prepared.rows)} trained on`],
    ['steps', `${integer(trained.steps)} (${trained.epochs.toFixed(1)} passes over the samples)`],
    ['tokens', `${integer(trained.tokens)} learnt, ${integer(trained.prompt_tokens)} of prompts read`],
    ['parameters', parameters(trained)],
    ['loss', `${loss(trained.first_loss)} → ${loss(trained.final_loss)}`],
    ...(trained.holdout_loss === null
      ? []
      : [['loss on what was set aside', `${loss(trained.holdout_loss)} at the end`] as const]),
    ...stepRows(losses),
    [
      'merge check',
      trained.merge_difference === null
        ? 'not merged'
        : `merged weights deviate from base plus adapter by ${trained.merge_difference === 0 ? 0 : trained.merge_difference.toExponential(1)} of what the adapter changes`,
    ],
  ];
  return html`<section id="training"><h2>Training</h2>
${chart === null ? html`<p class="quiet">No loss was recorded.</p>` : html`<figure>${chart}<figcaption>Training loss: each step, and the mean of the steps around it${losses.some((line) => line.holdout_loss !== undefined) ? '; dashed, the loss on the samples that were set aside' : ''}.</figcaption></figure>`}
<div class="scroll"><table class="facts"><tbody>${rows.map(([name, value]) => html`<tr><td>${name}</td><td>${value}</td></tr>`)}</tbody></table></div>
</section>`;
}

/** Learning rate and gradient norms, which tell a training that went calmly from one that did not. */
function stepRows(losses: ReportData['losses']): readonly (readonly [string, string])[] {
  const rates = losses.flatMap(({ learning_rate: rate }) => (rate === null ? [] : [rate]));
  const norms = losses.flatMap(({ step, grad_norm: norm }) => (typeof norm === 'number' ? [{ step, norm }] : []));
  const middle = median(norms.map(({ norm }) => norm));
  const largest = norms.toSorted((one, other) => one.norm - other.norm).at(-1);
  return [
    ...(rates.length === 0
      ? []
      : [
          [
            'learning rate',
            `up to ${rates.reduce((most, rate) => Math.max(most, rate), 0).toPrecision(3)}, at the end ${rates.at(-1)?.toPrecision(3)}`,
          ] as const,
        ]),
    ...(middle === undefined || largest === undefined
      ? []
      : [
          [
            'gradient norm',
            `median ${middle.toPrecision(3)}, at most ${largest.norm.toPrecision(3)} (step ${integer(largest.step)})`,
          ] as const,
        ]),
  ];
}

const originText: Readonly<Record<string, string>> = {
  tiny: 'built on the spot',
  folder: 'from a local folder',
  hub: 'from the Hugging Face Hub',
};

/** Times and money of one run. */
export function runSection(run: ReportRun | undefined): Html | null {
  if (run === undefined) return null;
  const cost = run.stages.reduce((sum, stage) => sum + stage.cost_usd, 0);
  return html`<section id="run"><h2>This run</h2>
${run.training === undefined ? null : html`<p>Training went at ${integer(Math.round(run.training.tokens_per_second))} tokens per second${run.training.mfu === null ? '' : `, ${(100 * run.training.mfu).toFixed(0)} % of what the card can compute (MFU)`}, with at most ${run.training.memory_gib.toFixed(1)} GiB.</p>`}
<p class="quiet">Run <code>${run.run}</code>${run.member === undefined ? '' : ` (${run.member})`} of secpi ${run.version}, started ${run.started_at} on ${run.host}: ${run.outcome} after ${duration(run.seconds)}. Asking models cost ${dollars(cost)} in all.</p>
<div class="scroll"><table><thead><tr><th>stage</th><th class="text">outcome</th><th>in this run</th><th>when it was made</th><th>cost</th></tr></thead>
<tbody>${run.stages.map((stage) => html`<tr><td>${stage.stage}</td><td class="text">${stage.outcome}</td><td>${duration(stage.seconds)}</td><td>${stage.made_in_seconds === null ? '–' : duration(stage.made_in_seconds)}</td><td>${dollars(stage.cost_usd)}</td></tr>`)}</tbody>
</table></div></section>`;
}

/** Problems by name, and a suite of which all can be forged as a whole. */
function forgeableIn(suites: ReportData['suites'], forgeable: ReportData['forgeable']): readonly string[] {
  const whole = suites.filter(({ name, problems }) => problems > 1 && of(name).length === problems);
  const rest = forgeable.filter((problem) => !whole.some(({ name }) => of(name).includes(problem)));
  return [...whole.map(({ name, problems }) => `all ${integer(problems)} problems of ${name}`), ...rest];

  function of(name: string): readonly string[] {
    return forgeable.filter((problem) => problem.startsWith(`${name}/`));
  }
}

/** Fingerprints, pins and versions. */
export function provenanceSection({ artifacts, sandbox, toolchains, forgeable, suites }: ReportData): Html {
  const tools = Object.fromEntries(artifacts.flatMap((artifact) => Object.entries(artifact.tools)));
  const list = (versions: Readonly<Record<string, string>>) =>
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ') || '–';
  const sandboxText =
    sandbox.kind === 'none'
      ? 'none'
      : `${sandbox.kind} ${sandbox.version}, network ${sandbox.network}, system call filter ${sandbox.seccomp ? 'on' : 'off'}`;
  const forgedRow =
    forgeable.length === 0
      ? null
      : html`<tr><td>could be forged</td><td>verdicts on ${forgeableIn(suites, forgeable).join(', ')}, which the judged code has a hand in</td></tr>`;
  return html`<section id="provenance"><h2>What this rests on</h2>
<div class="scroll"><table><thead><tr><th>stage</th><th class="text">fingerprint</th><th class="text">digest of the result</th><th>tokens in</th><th>tokens out</th></tr></thead>
<tbody>${artifacts.map(({ stage, fingerprint, digest, tokens }) => html`<tr><td>${stage}</td><td class="text"><code>${fingerprint.slice(0, 16)}</code></td><td class="text"><code>${digest.slice(0, 16)}</code></td><td>${integer(tokens.input)}</td><td>${integer(tokens.output)}</td></tr>`)}</tbody>
</table></div>
<div class="scroll"><table class="facts"><tbody><tr><td>sandbox</td><td>${[sandboxText, ...sandbox.notes].join('; ')}</td></tr><tr><td>toolchains</td><td>${list(toolchains)}</td></tr>${forgedRow}<tr><td>trainer</td><td>${list(tools)}</td></tr></tbody></table></div>
<details><summary>pins</summary><pre>${artifacts.map(({ stage, pins }) => `${stage} ${JSON.stringify(pins, null, 2)}\n`)}</pre></details>
</section>`;
}
